import * as z from 'zod/mini';
import { ConnectorError, InvalidInputError } from '../../core/errors.ts';
import { UnreadableAnswerError, unknownColumnOf } from '../../operations/find-record.ts';
import { valuesQuery } from '../../operations/replay.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import {
  clockOffsetMs,
  type EncodedQuery,
  encodedQuery,
  instanceTime,
} from '../../servicenow/encoded-query.ts';
import { AccessDeniedError, InsertRefusedError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { getRequest, listRequest, updateRequest } from '../../servicenow/records.ts';
import type { WriteContext } from './write-context.ts';

/** By how much the clock of an instance may differ from ours and from that of AWS. */
export const skewMs = 10 * 60_000;

/**
 * What an instance says about a record: `hidden` exists, but the user may not read it; `unknown` may be hidden too, as the
 * instance does not count for this user.
 */
export type Presence = 'visible' | 'hidden' | 'absent' | 'unknown';

const rows = z.object({ result: z.array(z.unknown()) });

const row = z.object({
  result: z.object({
    correlation_id: z._default(z.string(), ''),
    sys_created_on: z._default(z.string(), ''),
    number: z._default(z.string(), ''),
  }),
});

const shownFields = ['sys_id', 'correlation_id', 'sys_created_on', 'number'];

/** What is seen of a record: values are empty where the user may not read them. */
export type Sight = {
  readonly presence: Presence;
  readonly correlationId: string;
  /** In the words of the instance. */
  readonly createdOn: string;
  /** Empty in tables without numbers too. */
  readonly number: string;
};

/**
 * Asks for a record by its sys_id, and for how many there are when it is not shown: the total of a list is blind to access
 * controls (docs/servicenow-contract.md 1.4).
 * @throws ServiceNowError when the instance cannot be asked
 */
export async function findRecord(
  table: string,
  sysId: string,
  context: WriteContext,
  isReconciling = true,
): Promise<Presence> {
  return (await lookAtRecord(table, sysId, context, isReconciling)).presence;
}

/** As `findRecord`, with the answer that shows the values of these columns, as they are stored and as they are displayed. */
export async function findValues(
  table: string,
  sysId: string,
  record: Readonly<Record<string, unknown>>,
  context: WriteContext,
): Promise<{ readonly presence: Presence; readonly body: unknown }> {
  const request = getRequest({ table, sysId, parameters: valuesQuery(record) });
  try {
    return { presence: 'visible', body: (await context.send({ request, isReconciling: true })).body };
  } catch (error) {
    if (!(error instanceof RecordNotFoundError || error instanceof AccessDeniedError)) throw error;
    return { presence: await countRecord(table, bySysId(sysId), context, true), body: undefined };
  }
}

/** As `findRecord`, with what distinguishes a record from others. */
export async function lookAtRecord(
  table: string,
  sysId: string,
  context: WriteContext,
  isReconciling: boolean,
): Promise<Sight> {
  const request = getRequest({ table, sysId, fields: shownFields });
  try {
    return toSight((await context.send({ request, isReconciling })).body);
  } catch (error) {
    if (!(error instanceof RecordNotFoundError || error instanceof AccessDeniedError)) throw error;
    const presence = await countRecord(table, bySysId(sysId), context, isReconciling);
    return { presence, correlationId: '', createdOn: '', number: '' };
  }
}

function toSight(body: unknown): Sight {
  const { correlation_id = '', sys_created_on = '', number = '' } = z.safeParse(row, body).data?.result ?? {};
  return { presence: 'visible', correlationId: correlation_id, createdOn: sys_created_on, number };
}

/**
 * Looks at a record that is not shown by a write that changes nothing: a look-up may lag behind what has just been created, a write
 * never does.
 * @throws what the write failed with, unless it says whether there is a record
 */
export async function lookByWrite(table: string, sysId: string, { send }: WriteContext): Promise<Sight> {
  const request = updateRequest({ table, sysId, record: {}, fields: shownFields });
  try {
    return toSight((await send({ request })).body);
  } catch (error) {
    const isAnswer = error instanceof RecordNotFoundError || error instanceof AccessDeniedError;
    if (!isAnswer) throw error;
    const presence = error instanceof RecordNotFoundError ? 'absent' : 'unknown';
    return { presence, correlationId: '', createdOn: '', number: '' };
  }
}

/**
 * False for a hidden record that was created before a time, in milliseconds since the Unix epoch. The total of a list counts what
 * the user may not read, by its values too.
 */
export async function isCreatedSince(
  table: string,
  sysId: string,
  sinceMs: number,
  context: WriteContext,
): Promise<boolean> {
  const since = instanceTime(sinceMs);
  const query = encodedQuery().where('sys_id', '=', sysId).where('sys_created_on', '>=', since);
  return (await countRecord(table, query, context, true)) !== 'absent';
}

/** Longer addresses are refused from 8 KB on (docs/servicenow-contract.md 1.4). */
const longestQuery = 4_000;

/**
 * Counts a record that is not shown by the values that it was given: `absent` where it holds others, `unknown` where the instance does
 * not count for this user, or cannot be asked for one of the values.
 */
export async function countByValues(
  table: string,
  sysId: string,
  record: Readonly<Record<string, unknown>>,
  context: WriteContext,
): Promise<Presence> {
  const columns = Object.entries(record);
  let query = bySysId(sysId);
  let asked = 0;
  for (const [column, given] of columns) {
    const more = withValue(query, column, given);
    if (more === undefined || encodeURIComponent(more.toString()).length > longestQuery) continue;
    query = more;
    asked += 1;
  }
  if (asked === 0) return 'unknown';
  const presence = await countRecord(table, query, context, true);
  return presence === 'absent' || asked === columns.length ? presence : 'unknown';
}

/** Control characters, which no query can have. */
const lineEnds = /\p{Cc}+/u;

function withValue(query: EncodedQuery, column: string, given: unknown): EncodedQuery | undefined {
  if (typeof given === 'object' && given !== null) return undefined;
  const text = String(given ?? '');
  const lines = text.split(lineEnds).map((line) => line.trim());
  try {
    if (lines.length === 1) return query.where(column, '=', text);
    const found = lines.filter((line) => line !== '');
    if (found.length === 0) return undefined;
    return found.reduce((all, line) => all.where(column, 'LIKE', line), query);
  } catch (error) {
    if (error instanceof InvalidInputError) return undefined;
    throw error;
  }
}

function bySysId(sysId: string): EncodedQuery {
  return encodedQuery().where('sys_id', '=', sysId);
}

async function countRecord(
  table: string,
  query: EncodedQuery,
  { send }: WriteContext,
  isReconciling: boolean,
): Promise<Presence> {
  const request = listRequest({ table, query, fields: ['sys_id'], limit: 1 });
  try {
    const { body, headers } = await send({ request, isReconciling });
    const shown = z.safeParse(rows, body).data?.result.length ?? 0;
    if (shown > 0) return 'visible';
    const total = headers['x-total-count'];
    if (total === undefined) return 'unknown';
    return Number(total) > 0 ? 'hidden' : 'absent';
  } catch (error) {
    if (error instanceof RecordNotFoundError || error instanceof AccessDeniedError) return 'unknown';
    throw error;
  }
}

/** False for a table whose records have no correlation_id that the user may read. @throws ServiceNowError when it cannot be asked */
export async function hasCorrelationId(
  table: string,
  { send, shownColumns }: Pick<WriteContext, 'send' | 'shownColumns'>,
  isReconciling: boolean,
): Promise<boolean> {
  const ask = (request: ServiceNowRequest) => send({ request, isReconciling });
  return (await unknownColumnOf(table, ['correlation_id'], ask, shownColumns)) === undefined;
}

const mostAlike = 100;
const correlatedRows = z.object({
  result: z.array(z.object({ sys_id: z.string(), correlation_id: z.optional(z.string()) })),
});

/** What a look-up by correlation_id found. `hidden` exists, but the user may not read it. */
export type Correlated =
  | { readonly kind: 'visible'; readonly sysId: string }
  | { readonly kind: 'hidden' | 'absent' | 'no column'; readonly sysId?: undefined };

/**
 * Asks for a record by its correlation_id. Records whose value differs in letter case only are found too; more of them than a
 * hundred do not exist.
 * @throws UnreadableAnswerError; ServiceNowError when the instance cannot be asked
 */
export async function findByCorrelationId(
  table: string,
  correlationId: string,
  context: WriteContext,
  isReconciling: boolean,
): Promise<Correlated> {
  const query = encodedQuery().where('correlation_id', '=', correlationId).orderBy('sys_created_on');
  const request = listRequest({ table, query, fields: ['sys_id', 'correlation_id'], limit: mostAlike });
  const { body, headers } = await context.send({ request, isReconciling });
  const parsed = z.safeParse(correlatedRows, body);
  if (!parsed.success)
    throw new UnreadableAnswerError('a look-up answered without a sys_id; may the user read it?');
  const found = parsed.data.result;
  // An instance drops a condition on a column that it does not know, and so finds any record (docs/servicenow-contract.md 2.3).
  if (found.some(({ correlation_id }) => correlation_id === undefined)) return { kind: 'no column' };
  const own = found.find(({ correlation_id }) => correlation_id === correlationId);
  if (own) return { kind: 'visible', sysId: own.sys_id };
  // The total is blind to access controls (docs/servicenow-contract.md 1.4).
  if (Number(headers['x-total-count'] ?? 0) > found.length) return { kind: 'hidden' };
  const isFindable = found.length > 0 || (await hasCorrelationId(table, context, isReconciling));
  return { kind: isFindable ? 'absent' : 'no column' };
}

/** A time in milliseconds since the Unix epoch, by our clock, and how far from it the times of an instance may lie. */
type Window = { readonly fromMs: number; readonly toMs?: number; readonly toleranceMs: number };

/**
 * The records with exactly this correlation_id that were created within a time, the oldest first.
 * @returns their sys_ids as far as the user may read them; `hasHidden`: there are others, within the time without the tolerance
 */
export async function listMade(
  table: string,
  correlationId: string,
  { fromMs, toMs, toleranceMs }: Window,
  context: WriteContext,
): Promise<{ readonly sysIds: readonly string[]; readonly hasHidden: boolean }> {
  let offsetMs = 0;
  const within = (slackMs: number) => {
    const since = encodedQuery()
      .where('correlation_id', '=', correlationId)
      .where('sys_created_on', '>=', instanceTime(fromMs + offsetMs - slackMs));
    return toMs === undefined
      ? since
      : since.where('sys_created_on', '<=', instanceTime(toMs + offsetMs + slackMs));
  };
  const ask = async (slackMs: number) => {
    const query = within(slackMs).orderBy('sys_created_on');
    const request = listRequest({ table, query, fields: ['sys_id', 'correlation_id'], limit: mostAlike });
    const { body, headers } = await context.send({ request, isReconciling: true });
    const found = z.safeParse(correlatedRows, body).data?.result ?? [];
    const isHidden = Number(headers['x-total-count'] ?? 0) > found.length;
    return { found, isHidden, offsetMs: clockOffsetMs(headers, context.clock.now()) };
  };
  const first = await ask(toleranceMs);
  offsetMs = first.offsetMs;
  const seen = offsetMs === 0 ? first : await ask(toleranceMs);
  const hasHidden = seen.isHidden && (await ask(0)).isHidden;
  const exact = seen.found.filter(({ correlation_id }) => correlation_id === correlationId);
  return { sysIds: exact.map(({ sys_id }) => sys_id), hasHidden };
}

/** For so long after the first refusal a record is looked for again before the refusal counts: a look-up may lag behind. */
export const longestLagMs = 60_000;

/**
 * Defers a message whose insert was refused as taken although no record is shown: an earlier copy, or another message of the
 * same match, may have made it a moment ago.
 * @throws NotYetShownError unless the record is still not shown a while after the first refusal
 */
export async function checkLag(refusal: unknown, sysId: string, context: WriteContext): Promise<void> {
  if (!(refusal instanceof InsertRefusedError)) return;
  const { clock, ledger } = context;
  const { refusedSinceMs } = await ledger.records.now(sysId);
  const nowMs = clock.now();
  if (refusedSinceMs > 0 && nowMs - refusedSinceMs >= longestLagMs) return;
  if (refusedSinceMs === 0) await ledger.records.rememberRefusal(sysId, nowMs);
  throw new NotYetShownError();
}

/** The instance refuses a record as existing, but does not show it. */
class NotYetShownError extends ConnectorError {
  override readonly name: string = 'NotYetShownError';
  override readonly code = 'RECORD_NOT_SHOWN';
  override readonly retryable = true;

  constructor() {
    super('the instance refused the insert and does not show the record; an earlier copy may have made it');
  }
}
