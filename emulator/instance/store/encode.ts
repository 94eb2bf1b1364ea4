import { createHash } from 'node:crypto';
import type { SQLInputValue } from 'node:sqlite';
import type { Column } from '../schema/table.ts';

const truthy = new Set(['true', '1', 'yes', 'on']);

function encodeNumber(text: string): SQLInputValue {
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

/** A number would be bound as a real one, which a column without a type keeps. */
function encodeInteger(text: string): SQLInputValue {
  const whole = Math.trunc(Number(text));
  if (!Number.isFinite(whole)) return null;
  return Number.isSafeInteger(whole) ? BigInt(whole) : whole;
}

/** Midnight is added to a bare date; what is no date-time at all, as February 30 is none, is stored as empty. */
function encodeDateTime(text: string): SQLInputValue {
  const [, date = '', time = '00:00:00'] =
    /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}:\d{2}))?/.exec(text) ?? [];
  return isDate(date) && isTime(time) ? `${date} ${time}` : null;
}

function encodeDate(text: string): SQLInputValue {
  const date = text.slice(0, 10);
  return isDate(date) ? date : null;
}

/** Days beyond the end of a month would be read as days of the next. */
function isDate(text: string): boolean {
  const epochMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(text);
}

const isTime = (text: string) => /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/.test(text);

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

/** Length counts UTF-16 code units, as Java does; half of a surrogate pair at the end is dropped. */
function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const kept = text.slice(0, maxLength);
  return /[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept;
}

/** Converts a value in the API's form (always text, `''` for empty) into what SQLite holds. */
export function encode(column: Column, text: string, truncate: boolean): SQLInputValue {
  if (text === '') return null;
  switch (column.kind) {
    case 'string':
    case 'choice':
    case 'reference':
    case 'document_id':
      return truncate ? cut(text, column.maxLength) : text;
    case 'integer':
      return encodeInteger(text);
    case 'decimal':
    case 'currency':
      return encodeNumber(text);
    case 'boolean':
      return truthy.has(text.toLowerCase()) ? 1 : 0;
    case 'date':
      return encodeDate(text);
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

/** Converts what SQLite holds into the API's form. */
export function decode(column: Column, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (column.kind === 'boolean') return value === 0 ? 'false' : 'true';
  return String(value);
}
