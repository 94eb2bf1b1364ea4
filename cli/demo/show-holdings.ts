import type { Scene } from './scene.ts';

const TABLES = [
  'incident',
  'problem',
  'change_request',
  'sys_user',
  'sys_user_group',
  'cmdb_ci_computer',
  'imp_user',
];

export type Holdings = ReadonlyMap<string, number>;

/** How many records each table of interest holds. */
export async function lookAtHoldings({ instance }: Scene): Promise<Holdings> {
  const counts = new Map<string, number>();
  for (const table of TABLES) counts.set(table, await instance.count(table));
  return counts;
}

/** Prints how many records each table holds now, and how many were added. */
export function showHoldings({ say, endpoints }: Scene, before: Holdings, after: Holdings): void {
  say(`The instance (${endpoints.instance.url}) now holds:`);
  for (const [table, count] of after) {
    const added = count - (before.get(table) ?? 0);
    say(`   ${table.padEnd(18)}${`${count}`.padStart(6)}${added === 0 ? '' : `   +${added}`}`);
  }
}
