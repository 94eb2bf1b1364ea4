import { isDeepStrictEqual } from 'node:util';

/** What the demo found differs from what it should have found. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch' as const;
}

/** @throws {Mismatch} naming what, and both values */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Mismatch(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}
