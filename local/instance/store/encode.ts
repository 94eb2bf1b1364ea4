import { createHash } from 'node:crypto';
import type { SQLInputValue } from 'node:sqlite';
import type { Column } from '../schema/table.ts';

const truthy = new Set(['true', '1', 'yes', 'on']);

function encodeNumber(text: string): SQLInputValue {
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

const encodeInteger = (text: string) => {
  const number = Number(text);
  return Number.isFinite(number) ? Math.trunc(number) : null;
};

/** Midnight is added to a bare date; what is no date-time at all is stored as empty. */
function encodeDateTime(text: string): SQLInputValue {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}:\d{2}))?/.exec(text);
  return match ? `${match[1]} ${match[2] ?? '00:00:00'}` : null;
}

/** Also takes the form with days in front, `1 04:23:00`. */
function encodeDuration(text: string): SQLInputValue {
  const match = /^(\d+) (\d{1,2}):(\d{2}):(\d{2})$/.exec(text);
  if (!match) return encodeDateTime(text);
  const seconds =
    Number(match[1]) * 86_400 + Number(match[2]) * 3_600 + Number(match[3]) * 60 + Number(match[4]);
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** Stands in for the ciphertext of a password2 column; what matters is that it is not the clear text. */
const encipher = (text: string) => `{enc}${createHash('sha256').update(text).digest('base64')}`;

/** Stands in for the one-way hash of a password column. */
export const hashPassword = (text: string) => `{hash}${createHash('sha256').update(text).digest('base64')}`;

/** Turns a value in the API's form (always text, `''` for empty) into what SQLite holds. */
export function encode(column: Column, text: string, truncate: boolean): SQLInputValue {
  if (text === '') return null;
  switch (column.kind) {
    case 'string':
      return truncate && text.length > column.maxLength ? text.slice(0, column.maxLength) : text;
    case 'integer':
      return encodeInteger(text);
    case 'decimal':
    case 'currency':
      return encodeNumber(text);
    case 'boolean':
      return truthy.has(text.toLowerCase()) ? 1 : 0;
    case 'date':
      return /^\d{4}-\d{2}-\d{2}/.exec(text)?.[0] ?? null;
    case 'date_time':
    case 'due_date':
      return encodeDateTime(text);
    case 'duration':
      return encodeDuration(text);
    case 'password2':
      return text.startsWith('{enc}') ? text : encipher(text);
    case 'password':
      return text.startsWith('{hash}') ? text : hashPassword(text);
    default:
      return text;
  }
}

/** Turns what SQLite holds into the API's form. */
export function decode(column: Column, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (column.kind === 'boolean') return value === 0 ? 'false' : 'true';
  return String(value);
}
