import { type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Instance } from '../../../emulator/instance/index.ts';
import type { Row } from '../../../emulator/instance/row.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { ModelRecord, ModelState, Note, Refusal } from '../model/record-model.ts';
import { stormTables } from './storm-schema.ts';
import type { Story } from './story.ts';

/** What an instance holds of all stories, read at one moment. */
export type Snapshot = {
  /** The rows of a story, oldest first. */
  rows(story: Story): readonly Row[];
  /** The journal entries of a record, in the order written. */
  notes(sysId: string): readonly Note[];
};

/** Ids in one query: SQLite takes some thousand parameters. */
const mostIds = 500;

/** @param stories whose rows are read. @default all rows, which takes long at the end of a large storm */
export function takeSnapshot({ state }: Instance, stories?: readonly Story[]): Snapshot {
  const tables = Object.values(stormTables);
  const rows = stories
    ? inParts(stories).flatMap((part) => tables.flatMap((table) => selectRows(state.store, table, part)))
    : tables.flatMap((table) => state.store.select(table, { orderBy: 't0.rowid' }));
  const byStory = Map.groupBy(rows, (row) => row['u_story'] ?? '');
  const readAll = () =>
    Map.groupBy(
      state.store.select('sys_journal_field', { orderBy: 't0.rowid' }),
      (entry) => entry['element_id'] ?? '',
    );
  const byRecord = stories ? undefined : readAll();
  const selectOne = (sysId: string) =>
    state.store.select('sys_journal_field', {
      where: 't0.element_id = ?',
      params: [sysId],
      orderBy: 't0.rowid',
    });
  return {
    rows: ({ id }) => byStory.get(id) ?? [],
    notes: (sysId) =>
      (byRecord ? (byRecord.get(sysId) ?? []) : selectOne(sysId)).map(({ element = '', value = '' }) => ({
        column: element,
        text: value,
      })),
  };
}

function selectRows(
  store: Instance['state']['store'],
  table: string,
  stories: readonly Story[],
): readonly Row[] {
  const params = stories.filter((story) => story.table === table).map(({ id }) => id);
  if (params.length === 0) return [];
  const where = `t0.u_story IN (${params.map(() => '?').join()})`;
  return store.select(table, { where, params, orderBy: 't0.rowid' });
}

function inParts(stories: readonly Story[]): readonly (readonly Story[])[] {
  const count = Math.ceil(stories.length / mostIds);
  return Array.from({ length: count }, (_, index) => stories.slice(index * mostIds, (index + 1) * mostIds));
}

/** What is seen of a story, in the words of the model. */
export function observe(story: Story, snapshot: Snapshot, refused: ModelState['refused'] = {}): ModelState {
  const columns = columnsOf(story);
  const records = snapshot.rows(story).map(
    (row): ModelRecord => ({
      name: row['sys_id'] ?? '',
      values: Object.fromEntries(columns.map((column) => [column, row[column] ?? ''])),
      notes: snapshot.notes(row['sys_id'] ?? '').map(recognizable),
      updates: Number(row['sys_mod_count'] ?? 0),
    }),
  );
  return { records, refused };
}

/** A note by the part of its text that no instance changes: the marker before the bar. */
export function recognizable({ column, text }: Note): Note {
  return { column, text: /^[^|]*(?=\|)/.exec(text)?.[0] ?? text };
}

/** The columns that the story's writes and records fill. */
function columnsOf({ seeded, phases }: Story): readonly string[] {
  const writes = phases.flatMap(({ people, sendings }) => [...people, ...sendings.map(({ write }) => write)]);
  const filled = [...seeded, ...writes].flatMap((one) => [
    ...Object.keys(one.values ?? {}),
    ...('match' in one ? Object.keys(one.match ?? {}) : []),
  ]);
  return [...new Set(filled)];
}

/** Codes that dead letters give for what the model refuses. */
const codes: Readonly<Partial<Record<Refusal, RegExp>>> = {
  'not-found': /^RECORD_NOT_FOUND$/,
  ambiguous: /^(INVALID_INPUT|AMBIGUOUS_MATCH|MATCH_AMBIGUOUS)$/,
  rule: /^BUSINESS_RULE$/,
  invalid: /^(INVALID_\w+|TABLE_NOT_ALLOWED|CONFIGURATION\w*|INSTANCE_UNKNOWN|UNKNOWN_INSTANCE|BODY_\w+)$/,
};

export type DeadLetter = {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string | undefined>>;
};

/** A dead letter's code as the model says it, or the code itself when the model knows of none. */
export function refusalIn({ attributes }: DeadLetter, expected: Refusal | undefined): Refusal {
  const code = attributes['ErrorCode'] ?? 'no code';
  const possible: Refusal[] = ['not-found', 'ambiguous', 'rule', 'invalid'];
  const known = expected ? [expected, ...possible] : possible;
  return known.find((refusal) => codes[refusal]?.test(code)) ?? `other: ${code}`;
}

/** Every message of the dead-letter queues; they stay there, hidden. */
export async function readDeadLetters({ sqs, variable }: FaultStack): Promise<readonly DeadLetter[]> {
  const urls = ['RECORDS_DLQ_URL', 'RECORDS_FIFO_DLQ_URL'].map((name) => variable('writeRecords', name));
  const letters: Message[] = [];
  for (const url of urls) if (url) letters.push(...(await drain(sqs, url)));
  return letters.map(({ Body = '', MessageAttributes = {} }) => ({
    body: Body,
    attributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
    ),
  }));
}

async function drain(sqs: SQSClient, QueueUrl: string): Promise<readonly Message[]> {
  const all: Message[] = [];
  for (;;) {
    const receive = {
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 600,
      MessageAttributeNames: ['All'],
    };
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(receive));
    if (Messages.length === 0) return all;
    all.push(...Messages);
  }
}
