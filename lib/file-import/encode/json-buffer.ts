const QUOTE = 34;
const BACKSLASH = 92;
/** Below this length a copy in place beats the call of a native one. */
const shortBytes = 24;
const hex = Buffer.from('0123456789abcdef');
/** For the control characters that JSON names by a letter: that letter. */
const letters = new Map([8, 9, 10, 12, 13].map((byte, i) => [byte, Buffer.from('btnfr')[i] ?? 0]));

/** A JSON text that grows at its end, as UTF-8 bytes. */
export class JsonBuffer {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 64 * 1024) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  /** Appends bytes that are JSON already. */
  raw(piece: Uint8Array): void {
    this.copy(piece, 0, piece.length);
  }

  /** Appends from[start..end) unchanged. */
  copy(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    const { bytes } = this;
    let to = this.length;
    if (end - start > shortBytes) {
      bytes.set(from.subarray(start, end), to);
      to += end - start;
    } else {
      for (let i = start; i < end; i++) bytes[to++] = from[i] ?? 0;
    }
    this.length = to;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Appends UTF-8 from[start..end) as the inside of a JSON string; `doubled`: two quotes stand for one. */
  escaped(from: Uint8Array, start: number, end: number, doubled: boolean): void {
    this.reserve((end - start) * 6);
    const { bytes } = this;
    let to = this.length;
    for (let i = start; i < end; i++) {
      const value = from[i] ?? 0;
      if (value === QUOTE || value === BACKSLASH) {
        bytes[to++] = BACKSLASH;
        bytes[to++] = value;
        if (doubled && value === QUOTE) i++;
      } else if (value < 0x20) to = writeControl(bytes, to, value);
      else bytes[to++] = value;
    }
    this.length = to;
  }

  /** Appends text as the inside of a JSON string. */
  text(value: string): void {
    const encoded = Buffer.from(value);
    this.escaped(encoded, 0, encoded.length, false);
  }

  /** A copy of what is inside, which later writes leave alone. */
  snapshot(): Uint8Array {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }
}

function writeControl(bytes: Uint8Array, at: number, value: number): number {
  let to = at;
  bytes[to++] = BACKSLASH;
  const letter = letters.get(value);
  if (letter !== undefined) {
    bytes[to++] = letter;
    return to;
  }
  bytes[to++] = 0x75;
  bytes[to++] = 0x30;
  bytes[to++] = 0x30;
  bytes[to++] = 0x30 + (value >> 4);
  bytes[to++] = hex[value & 15] ?? 0;
  return to;
}

/** `,"key":"` as bytes: what stands before a value. */
export function jsonPrefix(key: string): Uint8Array {
  return Buffer.from(`,${JSON.stringify(key)}:"`);
}

/** `,"key":"value"` for each constant. */
export function constantsJson(constants: readonly (readonly [string, string])[]): Uint8Array {
  return Buffer.from(
    constants.map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`).join(''),
  );
}
