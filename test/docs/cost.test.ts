import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (file: string) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
const cost = read('cost.md');

const number = (text = '') => Number(text.replaceAll(',', ''));
/** The first group of a pattern as a number. */
function figure(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in: ${text}`);
  return number(found);
}
const sumOf = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].reduce((sum, [, found]) => sum + number(found), 0);
/** Rows of a table, each with its cells. */
const rowsIn = (text: string) =>
  [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | ').map((cell) => cell.trim()));

const million = 1e6;
const price = {
  lambdaRequest: figure(cost, /\| Lambda \| \$([\d.]+) a million requests/) / million,
  gbSecond: figure(cost, /\$([\d.]+) a GB-second/),
  sqs: figure(cost, /\| SQS \| \$([\d.]+) a million/) / million,
  write: figure(cost, /DynamoDB on demand \| \$([\d.]+) a million writes/) / million,
  read: figure(cost, /million writes, \$([\d.]+) a million reads/) / million,
  metricMonth: figure(cost, /CloudWatch \| \$([\d.]+) a metric/),
  logKb: figure(cost, /\$([\d.]+) a GB of logs/) / million,
};
const platformKb = figure(cost, /come ([\d.]+) KB that Lambda writes/);

const work = rowsIn(cost.slice(cost.indexOf('## Work'), cost.indexOf('## Memory')));
const rows = work.filter(([, counts = '', , sum = '']) => /\d/.test(counts) && sum !== '');
const [backlog = [], ...others] = rows;

describe('docs/cost.md', () => {
  const computed = (cells: readonly string[]) => {
    const [, counts = '', assumption = '', sum = ''] = cells;
    // “As the first line” has its counts.
    const ofBacklog = counts.startsWith('as the first line');
    const all = ofBacklog ? `${counts}, ${backlog[1]?.replace(/, 1 DynamoDB.*/, '')}` : counts;
    const invocations = figure(all, /([\d,]+) invocations/);
    const gbSeconds = figure(ofBacklog ? (backlog[2] ?? '') : assumption, /([\d,]+) GB-s/);
    const logKb = /KB of log/.test(all)
      ? invocations * (figure(all, /([\d.]+) KB of log/) + platformKb)
      : figure(sum, /logs \(([\d.]+) MB\)/) * 1_000;
    return {
      Lambda: invocations * price.lambdaRequest + gbSeconds * price.gbSecond,
      SQS: sumOf(all, /([\d,]+) (?:receives|deletes)/g) * price.sqs,
      logs: logKb * price.logKb,
      DynamoDB:
        million *
        (sumOf(all, /(\d+) DynamoDB reads?/g) * price.read +
          sumOf(all, /(\d+) DynamoDB writes?/g) * price.write),
      metrics: /3 metrics/.test(sum) ? 3 * (million / (30 * 86_400)) * price.metricMonth : 0,
    };
  };
  const messages = [backlog, ...others].filter(([what = '']) => /creates|updates|the same/.test(what));

  it.each(messages.map((cells) => [cells[0], cells] as const))('adds up: %s', (_what, cells) => {
    const parts = computed(cells);
    const [, , , text = ''] = cells;
    for (const [name, value] of Object.entries(parts)) {
      const stated =
        new RegExp(`${name}(?: \\([^)]*\\))? (\\$[\\d.]+(?: \\+ \\$[\\d.]+)?)`).exec(text)?.[1] ?? '';
      const shown = sumOf(stated, /\$([\d.]+)/g);
      expect([name, Math.abs(shown - value) < 0.0051]).toEqual([name, true]);
    }
    const total = Object.values(parts).reduce((sum, part) => sum + part, 0);
    expect(text).toContain(`**$${total.toFixed(2)}**`);
  });

  it('has five such rows', () => expect(messages).toHaveLength(5));

  it.each([1, 2])('adds a month in which nothing happens up, in column %i', (column) => {
    const month = rowsIn(cost.slice(cost.indexOf('## A month'), cost.indexOf('## Work')));
    const end = month.findIndex(([what = '']) => what.startsWith('**sum'));
    const parts = month.slice(0, end).map((cells) => sumOf(cells[column] ?? '', /\$([\d.]+)/g));
    const sum = parts.reduce((total, part) => total + part, 0);
    expect(Math.abs(figure(month[end]?.[column] ?? '', /\$([\d.]+)/) - sum)).toBeLessThan(0.0151);
  });
});

describe('docs/record-queue.md', () => {
  const page = read('record-queue.md');
  const table = rowsIn(page.slice(page.indexOf('## What the state table costs')));
  const counted = table.filter(([, reads = '', writes = '']) => /^\d/.test(reads) && /^\d/.test(writes));

  it('has the prices of cost.md', () => {
    expect(figure(page, /\$([\d.]+) per million writes/) / million).toBe(price.write);
    expect(figure(page, /\$([\d.]+) per million reads/) / million).toBe(price.read);
  });

  it.each(counted.map(([what, reads, writes, sum]) => [what, reads, writes, sum] as const))(
    'adds up: %s',
    (_what, reads = '', writes = '', sum = '') => {
      const counts = (text: string) => text.split(' to ').map(number);
      const [readCounts, writeCounts] = [counts(reads), counts(writes)];
      const stated = Array.from(sum.matchAll(/\$([\d.]+)/g), ([, dollars]) => number(dollars));
      for (const [end, dollars] of stated.entries()) {
        const each = (readCounts[end] ?? 0) * price.read + (writeCounts[end] ?? 0) * price.write;
        expect(Math.abs(million * each - dollars)).toBeLessThan(0.0051);
      }
      expect(stated).toHaveLength(Math.max(readCounts.length, writeCounts.length));
    },
  );

  it('has the cost of a keyed change over HTTP', () => {
    const [, reads = '', writes = '', dollars = ''] =
      /(\d) reads and (\d) writes \(\$([\d.]+) a million\)/.exec(page) ?? [];
    expect((number(reads) * price.read + number(writes) * price.write) * million).toBeCloseTo(
      number(dollars),
      1,
    );
  });
});
