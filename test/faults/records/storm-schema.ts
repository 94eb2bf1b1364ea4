import type { InstanceOptions } from '../../../emulator/instance/index.ts';

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

export const hidingRules = [stormTables.hidden, stormTables.hiddenCorrelated].map((table) => ({
  table,
  operation: 'read' as const,
  roles: [readerRole],
}));
