import type { DictionaryColumn } from './dictionary.ts';

/** A value as an instance stores it as text: objects in Java's notation, e.g. `{a=1, b=[x, y]}` (docs/servicenow-contract.md 12). */
export function storedText(given: unknown): string {
  if (given === null || given === undefined) return '';
  return typeof given === 'object' ? javaText(given) : String(given);
}

function javaText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(javaText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([name, one]) => `${name}=${javaText(one)}`);
  return `{${entries.join(', ')}}`;
}

/** A text in the one notation of its kind; undefined for a text that is none of the kind. */
type Notation = (text: string) => string | undefined;

const booleans: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['1', 'true'],
  ['false', 'false'],
  ['0', 'false'],
]);

const boolean: Notation = (text) => booleans.get(text.toLowerCase());

const number: Notation = (text) => {
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)0*(\d+)(?:\.(\d*?)0*)?$/.exec(text) ?? [];
  if (whole === '') return undefined;
  const digits = fraction === '' ? whole : `${whole}.${fraction}`;
  return sign === '-' && digits !== '0' ? `-${digits}` : digits;
};

const dayAndTime = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.\d+)?Z?)?$/;
const date: Notation = (text) => dayAndTime.exec(text)?.[1];
const moment: Notation = (text) => {
  const [, day, time = '00:00:00'] = dayAndTime.exec(text) ?? [];
  return day && `${day} ${time}`;
};

/** By `internal_type`. */
const notations: ReadonlyMap<string, Notation> = new Map([
  ['boolean', boolean],
  ...['integer', 'longint', 'decimal', 'float', 'percent_complete', 'currency', 'price'].map(
    (type) => [type, number] as const,
  ),
  ['glide_date', date],
  ['glide_date_time', moment],
  ['due_date', moment],
]);

/** Below this length no column cuts a text, except for references. */
const shortestColumn = 32;

/** True when a column of this kind stores the given value as that text: in its own notation, or cut at its length. */
export function isStoredAs(given: unknown, stored: string, { type, maxLength }: DictionaryColumn): boolean {
  const text = storedText(given).toWellFormed().trim();
  if (type === 'reference' && stored !== '' && Object(given).value === stored) return true;
  if (isSameIn(notations.get(type), text, stored)) return true;
  // Of a character that would be cut in two nothing is kept.
  return maxLength > 0 && text.length > maxLength && isCut(text, stored, maxLength - 1);
}

/** True when some kind of column would store the given value as that text. */
export function mayBeStoredAs(given: unknown, stored: string): boolean {
  const text = storedText(given).toWellFormed().trim();
  if (stored !== '' && Object(given).value === stored) return true;
  return (
    [boolean, number, date, moment].some((one) => isSameIn(one, text, stored)) ||
    isCut(text, stored, shortestColumn)
  );
}

function isSameIn(notation: Notation | undefined, text: string, stored: string): boolean {
  const wanted = notation?.(text);
  return wanted !== undefined && wanted === notation?.(stored.trim());
}

function isCut(text: string, stored: string, leastLength: number): boolean {
  return stored.length >= leastLength && text.startsWith(stored);
}

/** True for what is stored as a hash or in cipher, so that it cannot be compared. */
export function isSecret(name: string, column: DictionaryColumn | undefined): boolean {
  return column ? /^password2?$/.test(column.type) : name === 'user_password';
}
