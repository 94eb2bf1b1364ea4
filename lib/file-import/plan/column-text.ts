/**
 * Length of a text as ServiceNow counts it against a column's `max_length`: Java's, in UTF-16 units. A character outside the
 * Basic Multilingual Plane (an emoji) counts as two.
 */
export function columnLength(text: string): number {
  return text.length;
}

/** Characters that take no room: zero width, joiners, soft hyphen, byte order marks, controls. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}]|(?!\s)\p{Cc}/gu;
/** White space in a row, of any kind. */
const space = /[\s\p{Z}]+/gu;

/** A column name as a person sees it: no invisible characters, a single space for any white space. */
export function visibleText(name: string): string {
  return name.normalize('NFC').replaceAll(invisible, '').replaceAll(space, ' ').trim();
}

/** What two column names have in common that a person takes for the same: visible text, in any case. */
export function nameKey(name: string): string {
  return visibleText(name).toLowerCase();
}

/** A name for a message, quoted; characters that cannot be seen are spelt out, as `U+00A0`. */
export function quotedName(name: string): string {
  return JSON.stringify(name.slice(0, 60)).replaceAll(
    /[\p{Default_Ignorable_Code_Point}\p{Cf}]|(?! )[\p{Z}\p{Cc}]/gu,
    (one) => `U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
}

/** The same without the quotes. */
export function shownName(name: string): string {
  return quotedName(name).slice(1, -1);
}

/** Looks a name up among the keys of a setting: as it is written, else by what a person sees of it. */
export function lookUpName<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
  if (Object.hasOwn(values, name)) return values[name];
  const key = nameKey(name);
  return Object.entries(values).find(([other]) => nameKey(other) === key)?.[1];
}

/** The column name that ServiceNow makes of a header when it creates a staging table: `First name` -> `u_first_name`. */
export function madeName(header: string): string {
  return `u_${header.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
}
