import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inParts } from '../../../lib/core/in-parts.ts';

it('cuts a list into parts that are full but for the last', () => {
  expect(inParts([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(inParts([1, 2, 3, 4], 2)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(inParts([], 2)).toEqual([]);
});

it('loses and repeats nothing, whatever the size', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (all, size) => {
      const parts = inParts(all, size);
      expect(parts.flat()).toEqual(all);
      for (const part of parts) expect(part.length > 0 && part.length <= size).toBe(true);
    }),
  );
});
