import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const people = (count: number) => Array.from({ length: count }, (_, i) => `${i},user.${i},Some,Body ${i}`);

describe('an import', () => {
  it('brings every row to its target and every line to its verdict', async () => {
    const lines = people(450).map((line) => line.replace(/^\d+,/, ''));
    lines[9] = 'user.9,only two';
    const body = ['user_id,first_name,last_name', ...lines].join('\n');
    const summary = await world.run(await world.drop('imports/imp_user/people.csv', body));
    expect(summary.reason).toBeUndefined();
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 450, blank: 0 } });
    expect(summary.counts).toMatchObject({ inserted: 449, rejected: 1, unknown: 0, notSent: 0 });
    const names = new Set(world.rows('sys_user').map((row) => row['user_name']));
    expect(lines.filter((_, i) => i !== 9).every((_, i) => names.has(`user.${i < 9 ? i : i + 1}`))).toBe(
      true,
    );
    const results = (await world.read(summary.results['results'] ?? '')).trimEnd().split('\r\n');
    expect(results).toHaveLength(451);
    expect(results[10]).toBe('11,rejected,,,,2 fields where the header has 3');
    expect(results[1]).toMatch(/^2,inserted,sys_user,[0-9a-f]{32},/);
  });
});
