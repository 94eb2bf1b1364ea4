import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { conclude, count } from '../../../cli/demo/chaos.ts';
import { demoPeople, EXPECTED } from '../../../cli/demo/demo-people.ts';
import { showProgress } from '../../../cli/demo/progress-view.ts';
import { expectSame, Mismatch } from '../../../cli/demo/scene.ts';

describe('the demo', () => {
  it('drops as many rows as the concludes add up to, each about a different person', () => {
    const { file, rows } = demoPeople();
    const people: string[][] = parse(file, { relax_column_count: true, from_line: 2 });
    expect(people).toHaveLength(rows);
    expect(Object.values(EXPECTED.counts).reduce((sum, count) => sum + count)).toBe(rows);
    expect(new Set(people.map(([userId]) => userId)).size).toBe(rows);
    expect(people.flatMap((person, n) => (person.length === 5 ? [] : [n + 2]))).toEqual([
      EXPECTED.badLines[0],
    ]);
  });

  it('ends at the first thing that is not as it should be, and says what', () => {
    expect(() => expectSame('dead letters', '2', '1')).toThrow(Mismatch);
    expect(() => expectSame('dead letters', '2', '1')).toThrow('dead letters: expected "1", found "2"');
    expect(() => expectSame('counts', { a: 1 }, { a: 1 })).not.toThrow();
  });

  it('says a line at each tenth where there is no terminal', () => {
    const said: string[] = [];
    const progress = showProgress(1000, (line) => said.push(line.trim()));
    for (const done of [0, 50, 150, 160, 999, 1000]) progress.at(done);
    progress.stop();
    expect(said).toEqual(['10% | 150/1000 rows', '90% | 999/1000 rows', '100% | 1000/1000 rows']);
  });
});

describe('the count after the chaos', () => {
  it.each([
    ['all are there', ['a', 'b', 'c'], '3 sent, 3 records, 0 twice', true],
    ['one is missing', ['a', 'c'], '3 sent, 2 records, 0 twice', false],
    ['one is there twice', ['a', 'b', 'b', 'c'], '3 sent, 4 records, 1 twice', false],
    ['one is there twice in place of another', ['a', 'b', 'b'], '3 sent, 3 records, 1 twice', false],
    ['none is there', [], '3 sent, 0 records, 0 twice', false],
  ])('says when %s', async (_what, ids, line, isWell) => {
    const instance = { rows: async () => ids.map((correlation_id) => ({ correlation_id })) };
    expect(conclude(await count(instance, 1, 3))).toEqual({ line, isWell });
  });
});
