/** Where a record is in its life: only an open one is written to, only a resolved one is opened again. */
export type Phase = 'open' | 'resolved' | 'closed';

/** The states of a table that end a record; every other one is open while the record is active. */
type Life = { readonly resolved: readonly string[]; readonly closed: readonly string[] };

const lives: Readonly<Record<string, Life>> = {
  incident: { resolved: ['6'], closed: ['7', '8'] },
  sn_si_incident: { resolved: ['100'], closed: ['3', '7'] },
  problem: { resolved: ['106'], closed: ['107'] },
  change_request: { resolved: ['0'], closed: ['3', '4'] },
};

/** Tables whose records have states that a signal can move. */
export const tablesWithLife: readonly string[] = Object.keys(lives);

/** @param row columns `state` and `active` as they are stored */
export function phaseOf(table: string, row: { readonly state: string; readonly active: string }): Phase {
  const name = table.toLowerCase();
  const life = Object.hasOwn(lives, name) ? lives[name] : undefined;
  if (life?.resolved.includes(row.state)) return 'resolved';
  return life?.closed.includes(row.state) || row.active === 'false' ? 'closed' : 'open';
}
