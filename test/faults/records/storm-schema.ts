import type { Instance, InstanceOptions } from '../../../emulator/instance/index.ts';
import type { BusinessRuleRequest } from '../../../emulator/instance/store/business-rules.ts';
import type { Switches } from '../../../emulator/instance/switches.ts';

type Tables = NonNullable<InstanceOptions['schema']>['tables'];
type ColumnEntry = NonNullable<Tables[number]['columns']>[number];

/** Each write has a column of its own that only it fills, so that a lost write shows. */
export const markColumns = Array.from({ length: 8 }, (_, index) => `u_mark_${index}`);

/** Journal columns: those of every task, one of another name, and one that takes little text. */
export const journalColumns = ['work_notes', 'comments', 'u_diary', 'u_brief'] as const;

/** Tables that the storms write to: each inherits from task. */
export const stormTables = {
  /** Honours a given sys_id. */
  plain: 'u_alert',
  /** Listed in correlationIdTables. */
  correlated: 'u_legacy',
  /** Some of its rows cannot be read by the integration user. */
  hidden: 'u_hidden',
  /** Listed in correlationIdTables as well, with rows that cannot be read. */
  hiddenCorrelated: 'u_hidden_legacy',
  /** Business rules change, close or refuse its rows. */
  ruled: 'u_ruled',
} as const;

const text = (name: string, extra: Partial<ColumnEntry> = {}): ColumnEntry => ({
  name,
  maxLength: 100,
  ...extra,
});

const columns: ColumnEntry[] = [
  text('u_story', { indexed: true }),
  ...markColumns.map((name) => text(name)),
  text('u_shared'),
  text('u_match', { indexed: true }),
  text('u_phase'),
  text('u_odd', { maxLength: 4000 }),
  { name: 'u_diary', label: 'Diary', kind: 'journal', maxLength: 4000 },
  { name: 'u_brief', label: 'Brief', kind: 'journal', maxLength: 200 },
];

export const stormSchema: NonNullable<InstanceOptions['schema']> = {
  tables: Object.values(stormTables).map((name) => ({ name, parent: 'task', display: 'number', columns })),
};

/** A role that the integration user does not have: rows of the hidden tables can be read with it only. */
const readerRole = 'storm_reader';

const hidingRules = [stormTables.hidden, stormTables.hiddenCorrelated].map((table) => ({
  table,
  operation: 'read' as const,
  roles: [readerRole],
}));

/** What the rules of the ruled table do. */
const stormRules: readonly BusinessRuleRequest[] = [
  { table: stormTables.ruled, action: 'set', set: { u_shared: 'by a rule' } },
  { table: stormTables.ruled, action: 'set', when: { u_phase: ['closing'] }, set: { active: 'false' } },
  { table: stormTables.ruled, action: 'abort', when: { u_phase: ['forbidden'] } },
];

/** Gives an instance the rules that hide rows and those that change them. */
export function addRules({ control, state }: Instance): void {
  for (const rule of hidingRules) state.auth.access.add(rule);
  for (const rule of stormRules) control.rules.add(rule);
}

/** Of each note so many characters are kept; 24 are fewer than distinguish it from others. */
const journalLengths = [0, 500, 0, 24];

/** How an instance of the storm differs from the kindest one; by the seed, so that several seeds see all of it. */
export function unkindSwitches(seed: number, quotaMs: number): Partial<Switches> {
  return {
    // Both are in correlationIdTables, where the instance is expected to ignore it.
    ignoreGivenSysIdOn: [stormTables.correlated, stormTables.hiddenCorrelated],
    transactionQuotaMs: quotaMs,
    lookupLagMs: seed % 3 === 1 ? 150 : 0,
    journalTextChanges: seed % 2 === 1 ? ['trim', 'collapse', 'crlf'] : [],
    journalMaxCharacters: journalLengths[seed % 4] ?? 0,
  };
}
