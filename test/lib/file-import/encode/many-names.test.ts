import { expect, it } from 'vitest';
import { JsonRowWriter } from '../../../../lib/file-import/encode/json-row-writer.ts';
import { processorTime } from '../../../processor-time.ts';

/** Milliseconds of computing for a line of so many names, the last of them twice. */
function costOf(names: number): number {
  const members = Array.from({ length: names }, (_, i) => `"n${i}":1`);
  const bytes = Buffer.from(`{${members.join(',')},"n${names - 1}":1}`);
  const plan = { header: [], targets: [], constants: [], emptyAsAbsent: false };
  const writer = new JsonRowWriter(plan as never, { encoding: 'utf-8' } as never);
  const window = { bytes, start: 0, contentEnd: bytes.length, startLine: 1, startByte: 0 };
  const spent = processorTime();
  expect(writer.write({ problem: undefined, window } as never, {} as never)).toContain('is given twice');
  return spent();
}

it('rejects a line with many names, one of them twice, in linear time', () => {
  costOf(5_000);
  expect(costOf(80_000)).toBeLessThan(60 * (costOf(5_000) + 1));
});
