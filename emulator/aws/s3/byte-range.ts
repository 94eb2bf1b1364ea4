import { AwsError } from '../aws-error.ts';

/** Both ends counted from 0 and included. */
export type ByteRange = { readonly start: number; readonly end: number };

/**
 * One `Range: bytes=a-b`, `bytes=a-` or `bytes=-suffix`; undefined when there is none, or one that HTTP says to ignore
 * (several ranges, other units).
 * @throws {AwsError} InvalidRange (416) when nothing of it lies inside the object
 */
export function parseRange(value: string | undefined, size: number): ByteRange | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(value ?? '');
  if (!found) return undefined;
  const [, first = '', last = ''] = found;
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) throw new AwsError('InvalidRange', 'The requested range is not satisfiable', 416);
  return { start, end };
}

/**
 * `x-amz-copy-source-range: bytes=a-b`, the whole source where it is absent.
 * @throws {AwsError} InvalidArgument when it is of another form or ends behind the source
 */
export function parseCopyRange(value: string | undefined, size: number): ByteRange {
  if (value === undefined) return { start: 0, end: size - 1 };
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(value) ?? [];
  const range = { start: Number(first), end: Number(last) };
  if (first !== '' && range.start <= range.end && range.end < size) return range;
  throw new AwsError('InvalidArgument', `Range specified is not valid for source object of size: ${size}`);
}
