import * as z from 'zod/mini';
import { mayHaveTakenEffect } from '../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { clockOffsetMs, encodedQuery, instanceTime } from '../servicenow/encoded-query.ts';
import { AccessDeniedError, RecordNotFoundError } from '../servicenow/errors.ts';
import { getRequest, listRequest } from '../servicenow/records.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';
import { askWhichAreOurs, ownEntriesOf, startsOf } from './cut-notes.ts';
import type { OperationDeps } from './define-operation.ts';
import { journalColumnsOf } from './dictionary.ts';
import { findBySysId } from './find-record.ts';
import { digestOfRequest, type Keyed, writeOnce } from './keyed-writes.ts';
import { entriesOf, fromInstanceTime, lookBackMs } from './note-entries.ts';
import type { RecordColumns } from './record-input.ts';
import { type Note, notesIn } from './remember-notes.ts';
import { deleteRemembered } from './remembered-delete.ts';
import { compareColumns, type ReplayedRecord, replayRecord, valuesQuery, withoutColumn } from './replay.ts';
import { digestOfWork, earlierDigestOfWork } from './work-digest.ts';
import { refuseUntil, writesIn } from './write-ledger.ts';

/** A write that its caller may repeat under the same key. */
export type KeyedTarget = { readonly table: string; readonly key: string };

/** Where the writes of a key are remembered, and by which digest. */
function writesOf(
  request: ServiceNowRequest,
  { table, key }: KeyedTarget,
  write: 'update' | 'delete' | 'import',
  work: { readonly digest: string; readonly earlierDigest: string } | undefined,
  { keyedWrites, ledger }: OperationDeps,
) {
  const ofRequest = digestOfRequest(request);
  const digest = work?.digest ?? ofRequest;
  const earlierDigests = [ofRequest, ...(work ? [work.earlierDigest] : [])];
  const remembered = { table, key, write, digest, earlierDigests };
  return { digest, keyedWrites: ledger ? writesIn(ledger, keyedWrites, remembered) : keyedWrites };
}

function nameOf({ table, key }: KeyedTarget, { instanceName }: OperationDeps): string {
  return JSON.stringify([instanceName, 'write', table.toLowerCase(), key]);
}

/** Updates a record once per key: also its journal columns get one entry. A repeat answers 200 with the record as it now is. */
export function updateKeyed(
  request: ServiceNowRequest,
  update: ReplayedRecord & KeyedTarget,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { table, sysId, record } = update;
  const isDisplay = request.query?.get('sysparm_input_display_value') === 'true';
  const options = isDisplay && { options: { inputDisplayValue: true } };
  const sent = { action: 'update', table, sysId, record, ...options };
  // It is the same work for each caller.
  const theirs = { ...update, record: withoutColumn(record, deps.callerColumn) };
  const asked = { ...sent, record: theirs.record };
  const work = { digest: digestOfWork(asked), earlierDigest: earlierDigestOfWork(sent) };
  const { digest, keyedWrites } = writesOf(request, update, 'update', work, deps);
  const keyed: Keyed<ServiceNowResponse> = {
    name: nameOf(update, deps),
    digest,
    async send(firstSentAtMs) {
      const target = update.sysId;
      try {
        return { answer: await sendUpdate(request, update, deps, firstSentAtMs), target };
      } catch (error) {
        // The update took it out of the user's sight. Forgotten as a refusal, its note would be written once more by the repeat.
        if (!(error instanceof ServiceNowError && error.isReadBackDenial)) throw error;
        return {
          answer: { status: 200, headers: {}, body: { result: { sys_id: target } }, attempts: 1 },
          target,
        };
      }
    },
    replay: () => replayRecord(request, update, deps),
    reconcile: (sentAtMs) => reconcileUpdate(withoutOwnColumns(request, theirs), sentAtMs, deps),
  };
  return writeOnce(keyed, { ...deps, keyedWrites });
}

/**
 * Sends an update whose columns older ones of the records queue leave as they are, and keeps the queue away from a record whose
 * answer was lost. What others have written since an earlier copy of it was sent stays as it is: see the records queue.
 * @param firstSentAtMs when that copy was sent
 * @throws RecordInDoubtError while the instance may be working on another write of the record
 */
async function sendUpdate(
  request: ServiceNowRequest,
  { table, key, sysId, record }: ReplayedRecord & KeyedTarget,
  { client, clock, context, inDoubtMs, ledger }: OperationDeps,
  firstSentAtMs: number | undefined,
): Promise<ServiceNowResponse> {
  if (!ledger) return client.send(request, context);
  refuseUntil((await ledger.records.now(sysId)).inDoubtUntilMs, clock);
  const name = ledger.nameOf(table, key);
  const sentAtMs = firstSentAtMs ?? clock.now();
  const written = Object.keys(record).filter((column) => (record[column] ?? '') !== '');
  const journals = await journalColumnsOf(client, clock).likelyAmong(table, written, context);
  const notes = notesIn(record, sysId, journals);
  const others = Object.keys(record).filter((column) => !journals.includes(column));
  const times = { sentAtMs, askedAtMs: sentAtMs };
  const overwritten =
    firstSentAtMs === undefined ? undefined : await ledger.notes.columnsAfter(sysId, others, times, name);
  const starts = startsOf(notes.map(({ column, text }) => [column, text] as const));
  const untilMs = context.deadline.atMs + inDoubtMs;
  const mark = { key: name, state: 'possibly-sent', sentAtMs, untilMs } as const;
  await Promise.all([
    ledger.notes.rememberColumns(sysId, name, Object.keys(record), times, { starts, untilMs }),
    ...notes.map((note) => ledger.notes.rememberNote(note, mark)),
  ]);
  // The update is sent: that this cannot be remembered must not pass for a refusal, or the repeat would write the note again.
  const applied = async () => {
    const done = { ...mark, state: 'applied', appliedAtMs: clock.now() } as const;
    await Promise.allSettled(notes.map((note) => ledger.notes.rememberNote(note, done)));
  };
  try {
    const response = await client.send(overwritten ? without(request, overwritten.later) : request, context);
    await applied();
    return response;
  } catch (error) {
    if (mayHaveTakenEffect(error))
      await ledger.records.markInDoubt(sysId, clock.now() + inDoubtMs, name).catch(() => undefined);
    else if (error instanceof ServiceNowError && error.isReadBackDenial) await applied();
    else
      await Promise.allSettled([
        ledger.notes.forgetColumns(sysId, name),
        ...notes.map((note) => ledger.notes.forgetNote(note, name)),
      ]);
    throw error;
  }
}

function without(request: ServiceNowRequest, columns: ReadonlySet<string>): ServiceNowRequest {
  const values = Object.entries(Object(request.body)).filter(([column]) => !columns.has(column));
  return { ...request, body: Object.fromEntries(values) };
}

/** Columns that instances write themselves, whatever an update gives for them, unless it asks to set them. */
const ownColumns = [
  'sys_id',
  'sys_created_on',
  'sys_created_by',
  'sys_updated_on',
  'sys_updated_by',
  'sys_mod_count',
];

function withoutOwnColumns<U extends ReplayedRecord>({ query }: ServiceNowRequest, update: U): U {
  if (query?.get('sysparm_suppress_auto_sys_field') === 'true') return update;
  const given = Object.entries(update.record).filter(([column]) => !ownColumns.includes(column));
  return { ...update, record: Object.fromEntries(given) };
}

/** Clocks of the instance and of this function may differ by so much. */
const skewMs = 30_000;

const updatedRecord = z.object({ result: z.object({ sys_updated_on: z.string() }) });
const entryRow = z.object({
  sys_id: z._default(z.string(), ''),
  element: z.string(),
  value: z.string(),
  sys_created_on: z._default(z.string(), ''),
});
const entryRows = z.object({ result: z.array(entryRow) });

/**
 * An update took effect when the record has its values, or its entry in the journal. When the record was changed since by whatever
 * else, nothing can be said: sending the update again might revert a newer one.
 */
async function reconcileUpdate(
  { table, key, sysId, record }: ReplayedRecord & KeyedTarget,
  sentAtMs: number,
  deps: OperationDeps,
): Promise<{ readonly target: string } | 'absent' | 'unknown'> {
  const { client, context, clock } = deps;
  const hidden = (error: unknown) => {
    if (error instanceof AccessDeniedError || error instanceof RecordNotFoundError) return undefined;
    throw error;
  };
  const values = await client
    .send(getRequest({ table, sysId, parameters: valuesQuery(record) }), context)
    .catch(hidden);
  if (values === undefined) return 'unknown';
  const applied = { target: sysId };
  const offsetMs = clockOffsetMs(values.headers, clock.now());
  const written = Object.keys(record).filter((column) => (record[column] ?? '') !== '');
  const notes = await journalColumnsOf(client, clock).among(table, written, context);
  if (notes.length > 0) {
    const entries = await readJournal(sysId, notes, sentAtMs + offsetMs, deps).catch(hidden);
    if (entries === undefined) return 'unknown';
    const sent = {
      sysId,
      notes: notesIn(record, sysId, notes),
      own: deps.ledger?.nameOf(table, key),
      sentAtMs,
      offsetMs,
    };
    return (await isAnyNoted(sent, entries, deps)) ? applied : 'absent';
  }
  if (await isWritten(table, record, values.body, deps)) return applied;
  const updated = await client
    .send(getRequest({ table, sysId, fields: ['sys_updated_on'] }), context)
    .catch(hidden);
  const on = z.safeParse(updatedRecord, updated?.body).data?.result.sys_updated_on ?? '';
  return on !== '' && on < instanceTime(sentAtMs + offsetMs - skewMs) ? 'absent' : 'unknown';
}

/**
 * The entries of these columns in the journals of a record, from before a write was sent on; undefined where the user may not read all
 * of them: those that are hidden would pass for none.
 * @param sentAtMs in the time of the instance
 */
async function readJournal(
  sysId: string,
  columns: readonly string[],
  sentAtMs: number,
  { client, context }: OperationDeps,
) {
  const query = encodedQuery()
    .where('element_id', '=', sysId)
    .oneOf('element', columns)
    .where('sys_created_on', '>=', instanceTime(sentAtMs - lookBackMs));
  const fields = ['sys_id', 'element', 'value', 'sys_created_on'];
  const request = listRequest({ table: 'sys_journal_field', query, fields, limit: 1_000 });
  const { body, headers } = await client.send(request, context);
  const entries = z.safeParse(entryRows, body).data?.result;
  // The total is blind to access controls (docs/servicenow-contract.md 1.4).
  return entries && entries.length >= Number(headers['x-total-count'] ?? 0) ? entries : undefined;
}

/** True when every column that the table has is known to hold what was given. What the table lacks nothing could write. */
async function isWritten(
  table: string,
  record: RecordColumns,
  values: unknown,
  { client, clock, context }: OperationDeps,
): Promise<boolean> {
  const journals = journalColumnsOf(client, clock);
  const { differing, open } = await compareColumns(table, record, values, journals, context);
  return differing.length === 0 && open.length === 0;
}

/** The notes of an update, and when it was sent. */
type SentNotes = {
  readonly sysId: string;
  readonly notes: readonly Note[];
  /** The name of its key. */
  readonly own: string | undefined;
  readonly sentAtMs: number;
  /** By how much the clock of the instance is ahead of ours. */
  readonly offsetMs: number;
};

/**
 * True when the journal holds an entry of the update that is of no other key with the same text.
 * @throws RecordInDoubtError while such a key may be writing its own
 */
async function isAnyNoted(
  { sysId, notes, own, sentAtMs, offsetMs }: SentNotes,
  rows: z.output<typeof entryRows>['result'],
  { client, clock, context, ledger }: OperationDeps,
): Promise<boolean> {
  const entries = rows.map((row) => ({ ...row, atMs: fromInstanceTime(row.sys_created_on) - offsetMs }));
  for (const note of notes) {
    const marks = (await ledger?.notes.notesOf(note)) ?? [];
    const others = marks.filter((mark) => mark.key !== own);
    const underWay = others.find(({ state, untilMs }) => state !== 'applied' && untilMs > clock.now());
    if (underWay) refuseUntil(underWay.untilMs, clock);
    const mayBeOurs = () =>
      askWhichAreOurs(sysId, instanceTime(sentAtMs + offsetMs - lookBackMs), (asked) =>
        client.send(asked, context),
      );
    const sent = { ...note, sentAtMs };
    const found = await (ledger && own !== undefined
      ? ownEntriesOf(sent, entries, others, own, ledger.notes, mayBeOurs)
      : entriesOf(sent, entries, others));
    for (const { sys_id } of found) {
      if (!ledger || own === undefined) return true;
      if (!(await ledger.notes.claimEntry(sys_id, own))) continue;
      const nowMs = clock.now();
      const mark = { key: own, state: 'applied', sentAtMs, untilMs: nowMs, appliedAtMs: nowMs } as const;
      await ledger.notes.rememberNote(note, { ...mark, entryId: sys_id });
      return true;
    }
  }
  return false;
}

/** Deletes a record once per key. A repeat answers 204 as the first time did. */
export function deleteKeyed(
  request: ServiceNowRequest,
  target: KeyedTarget & { readonly sysId: string },
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { table, sysId } = target;
  const replayed = { status: 204, headers: { 'idempotency-replayed': 'true' }, body: undefined, attempts: 1 };
  const asked = { action: 'delete', table, sysId };
  const work = { digest: digestOfWork(asked), earlierDigest: earlierDigestOfWork(asked) };
  const { digest, keyedWrites } = writesOf(request, target, 'delete', work, deps);
  const keyed: Keyed<ServiceNowResponse> = {
    name: nameOf(target, deps),
    digest,
    async send() {
      try {
        return { answer: await deleteRemembered(request, target, deps), target: sysId };
      } catch (error) {
        // A message under this key may have deleted it without living to remember the key.
        const isDone = error instanceof RecordNotFoundError && (await isDeletedUnder(target, deps));
        if (!isDone) throw error;
        return { answer: replayed, target: sysId };
      }
    },
    replay: async () => replayed,
    async reconcile() {
      const { kind } = await findBySysId(table, sysId, deps);
      if (kind === 'visible') return 'absent';
      if (kind !== 'absent') return 'unknown';
      if ((await deps.ledger?.records.now(sysId))?.isDeleted) await deps.ledger?.records.endDelete(sysId);
      return { target: sysId };
    },
  };
  return writeOnce(keyed, { ...deps, keyedWrites });
}

async function isDeletedUnder(
  { table, key, sysId }: KeyedTarget & { readonly sysId: string },
  { ledger }: OperationDeps,
): Promise<boolean> {
  const mark = await ledger?.records.now(sysId).catch(() => undefined);
  return mark?.isDeleted === true && mark.deletedUnder === ledger?.nameOf(table, key);
}

const rowVerdict = z.looseObject({
  transform_map: z.optional(z.unknown()),
  table: z.optional(z.unknown()),
  status: z.optional(z.unknown()),
  sys_id: z.optional(z.unknown()),
});
const rowAnswer = z.object({
  import_set: z.string(),
  staging_table: z.string(),
  result: z.array(rowVerdict),
});
const setAnswer = z.object({ import_set_id: z.unknown(), multi_import_set_id: z.optional(z.unknown()) });

/** Imports rows once per key. A repeat answers 200 with the ids and verdicts of the first time, without contents of records. */
export function importKeyed(
  request: ServiceNowRequest,
  target: KeyedTarget,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { digest, keyedWrites } = writesOf(request, target, 'import', undefined, deps);
  const keyed: Keyed<ServiceNowResponse> = {
    name: nameOf(target, deps),
    digest,
    async send() {
      const answer = await deps.client.send(request, deps.context);
      return { answer, target: rememberable(idsOf(answer.body)) };
    },
    async replay(ids) {
      const headers = { 'idempotency-replayed': 'true' };
      return { status: 200, headers, body: JSON.parse(ids), attempts: 1 };
    },
    // The rows of a lost import cannot be distinguished from equal rows of another import.
    reconcile: async () => 'unknown',
  };
  return writeOnce(keyed, { ...deps, keyedWrites });
}

/** An item of the state table holds 400 KB: of an import with more verdicts the ids of its set are remembered. */
const longestAnswer = 200_000;

function rememberable(answer: object): string {
  const whole = JSON.stringify(answer);
  if (Buffer.byteLength(whole) <= longestAnswer) return whole;
  return JSON.stringify({ ...answer, result: undefined });
}

function idsOf(body: unknown): object {
  const row = z.safeParse(rowAnswer, body);
  if (row.success)
    return {
      ...row.data,
      result: row.data.result.map(({ transform_map, table, status, sys_id }) => ({
        transform_map,
        table,
        status,
        sys_id,
      })),
    };
  return z.safeParse(setAnswer, body).data ?? { result: null };
}
