import type { Instance } from '../../../emulator/instance/index.ts';
import type { Dice } from '../harness/dice.ts';
import type { IncidentWatch } from './incident-watch.ts';

/** What people do with records of the storm, by the phase in which they can. */
const works = {
  open: {
    'resolved by a person': { state: '6', close_code: 'Solution provided', close_notes: 'by hand' },
    'closed by a person': { state: '7', close_code: 'Solution provided', close_notes: 'by hand' },
    'assigned by a person': { assigned_to: 'a'.repeat(32) },
    'edited by a person': { short_description: 'Edited by hand', impact: '1' },
  },
  resolved: {
    'closed after it was resolved': { state: '7' },
    'reopened by a person': { state: '2' },
  },
} as const;

const person = { userName: 'a.person', sysId: '0'.repeat(32) };

export const personalWorks: readonly string[] = Object.values(works).flatMap(Object.keys);

/**
 * Lets a person do something with the last record of a key, if it has one that can still be worked on.
 * @param mayReopen false where a signal may be making the next record at this moment: a person who opens the last one too would make
 * two open records
 * @returns what was done
 */
export function workByHand(
  { state: { store } }: Instance,
  watch: IncidentWatch,
  key: string,
  dice: Dice,
  mayReopen: boolean,
): string | undefined {
  const last = watch.last(key);
  if (!last || last.phase === 'closed') return undefined;
  const possible = Object.entries(works[last.phase]).filter(
    ([name]) => mayReopen || name !== 'reopened by a person',
  );
  const [name, values] = possible[Math.floor(dice.random() * possible.length)] ?? [];
  if (name === undefined || values === undefined) return undefined;
  watch.asPerson(() => void store.update('incident', last.sysId, { ...values }, person));
  return name;
}
