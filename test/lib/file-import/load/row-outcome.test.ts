import { describe, expect, it } from 'vitest';
import {
  type FrequentMessage,
  mergeMessages,
  noteMessage,
} from '../../../../lib/file-import/load/row-outcome.ts';
import { addSample, type Sample } from '../../../../lib/file-import/report/speed-chart.ts';

function noted(...messages: string[]): FrequentMessage[] {
  const known = new Map<string, FrequentMessage>();
  for (const [i, message] of messages.entries()) noteMessage(known, 'error', message, i + 2);
  return [...known.values()];
}

describe('the most frequent messages', () => {
  it('count as one when they differ in numbers and quoted values only', () => {
    const messages = noted(
      'no user "ada" in 4',
      "no user 'bo' in 17",
      'no group "x" in 4',
      'no user "cy" in 1',
    );
    expect(messages).toEqual([
      { outcome: 'error', message: 'no user "ada" in 4', count: 3, lines: [2, 3, 5] },
      { outcome: 'error', message: 'no group "x" in 4', count: 1, lines: [4] },
    ]);
  });

  it('are added up over groups by the same rule, the most frequent first', () => {
    const merged = mergeMessages(noted('one "a"', 'two 1'), noted('two 2', 'two 3'));
    expect(merged.map(({ message, count }) => [message, count])).toEqual([
      ['two 1', 3],
      ['one "a"', 1],
    ]);
  });
});

it('keeps a bounded number of samples over the whole time, however long an import runs', () => {
  let samples: Sample[] = [];
  for (let n = 1; n <= 5_000; n++) samples = addSample(samples, { atMs: n, rows: n });
  expect(samples.length).toBeLessThanOrEqual(201);
  expect(samples.length).toBeGreaterThan(50);
  expect(samples.at(-1)?.atMs).toBe(5_000);
  expect(samples[0]?.atMs).toBeLessThan(200);
  const steps = samples.slice(1).map(({ atMs }, i) => atMs - (samples[i]?.atMs ?? 0));
  expect(Math.max(...steps)).toBeLessThan(150);
});
