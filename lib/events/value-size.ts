/** How large a value is as text. A part that several parts share counts each time, as it is written each time. */
export type Size = {
  /** Characters, as JSON writes it without spaces. */
  readonly text: number;
  readonly lines: number;
  /** Characters where each member and element has a line of its own, as `$string(value, true)` writes it. */
  readonly printed: number;
};

/** Of lists and objects, which expressions never change once they are made. */
const known = new WeakMap<object, Size>();

/** Commas, colons and quotation marks around a member or an element. */
const around = 4;

/**
 * How large a value is as text, without writing it: an expression can share one part in a few steps so often that writing it would
 * take all memory.
 */
export function sizeOf(value: unknown): Size {
  if (typeof value === 'string') return line(value.length);
  if (typeof value !== 'object' || value === null) return line(around);
  const before = known.get(value);
  if (before) return before;
  const size = sizeOfParts(value);
  known.set(value, size);
  return size;
}

function line(length: number): Size {
  return { text: length + around, lines: 1, printed: length + around };
}

function sizeOfParts(value: object): Size {
  // A closure refers to all that it may read; as text it is empty.
  if (isJsonataFunction(value)) return line(0);
  let [text, lines, printed] = [around, 2, around];
  const add = (name: string, part: unknown) => {
    const size = sizeOf(part);
    text += name.length + size.text;
    lines += size.lines;
    // Two spaces before each of its lines.
    printed += name.length + size.printed + 2 * size.lines;
  };
  if (Array.isArray(value)) for (const part of value) add('', part);
  else for (const [name, part] of Object.entries(value)) add(name, part);
  return { text, lines, printed };
}

/** True for what JSONata makes of a function. */
export function isJsonataFunction(value: object): boolean {
  return '_jsonata_lambda' in value || '_jsonata_function' in value;
}
