import * as z from 'zod/mini';
import type { CallContext, ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { AccessDeniedError, RecordNotFoundError } from '../servicenow/errors.ts';
import type { ApiVersion } from '../servicenow/names.ts';
import { getRequest } from '../servicenow/records.ts';
import type { OperationDeps } from './define-operation.ts';
import { type DictionaryColumn, type JournalColumns, journalColumnsOf } from './dictionary.ts';
import type { RecordColumns } from './record-input.ts';
import { isSecret, isStoredAs, mayBeStoredAs, storedText } from './stored-value.ts';

/** A record that a repeat of a write is answered with. */
export type ReplayedRecord = {
  readonly table: string;
  readonly version?: ApiVersion | undefined;
  readonly record: RecordColumns;
  readonly sysId: string;
};

/**
 * Answers the repeat of a write with the record as it now is: 200, `idempotency-replayed: true`, and in `idempotency-differs` the
 * columns whose values are not the given ones; `*` stands for those that do not fit into a header. Of a record that the user may
 * not read only the sys_id is answered.
 */
export async function replayRecord(
  request: ServiceNowRequest,
  { table, version, record: sent, sysId }: ReplayedRecord,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { client, context } = deps;
  // Another caller may have been the first.
  const record = withoutColumn(sent, deps.callerColumn);
  const read = (parameters: URLSearchParams) =>
    client.send(getRequest({ table, sysId, version, parameters }), context);
  try {
    const [asAsked, both] = await Promise.all([read(readQuery(request.query)), read(valuesQuery(record))]);
    const journals = journalColumnsOf(client, deps.clock);
    const { differing, absent } = await compareColumns(table, record, both.body, journals, context);
    const differs = Object.keys(record).filter((name) => differing.includes(name) || absent.includes(name));
    const headers = {
      ...asAsked.headers,
      'idempotency-replayed': 'true',
      ...(differs.length > 0 && { 'idempotency-differs': toHeader(differs) }),
    };
    return { ...asAsked, headers };
  } catch (error) {
    if (!(error instanceof AccessDeniedError || error instanceof RecordNotFoundError)) throw error;
    const headers = { 'idempotency-replayed': 'true' };
    return { status: 200, headers, body: { result: { sys_id: sysId } }, attempts: 1 };
  }
}

/** What was given but for one column, e.g. the one that names the caller. */
export function withoutColumn(record: RecordColumns, column: string | undefined): RecordColumns {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== column));
}

function readQuery(query: URLSearchParams | undefined): URLSearchParams {
  const read = new URLSearchParams(query);
  read.delete('sysparm_input_display_value');
  read.delete('sysparm_suppress_auto_sys_field');
  return read;
}

/** Instances refuse addresses from 8 KB on (docs/servicenow-contract.md 1.4), and API Gateway headers of more than 10 KB. */
const longestNames = 4_000;

/** The columns that were given, or all where their names are too long. */
export function valuesQuery(record: RecordColumns): URLSearchParams {
  const query = new URLSearchParams({ sysparm_display_value: 'all' });
  const columns = ['sys_id', ...Object.keys(record)].join(',');
  if (encodeName(columns).length <= longestNames) query.set('sysparm_fields', columns);
  return query;
}

/** Names come from the caller, so that they are encoded. `*` stands for those that there is no room for. */
function toHeader(names: readonly string[]): string {
  const whole = names.map(encodeName).join(',');
  return whole.length <= longestNames ? whole : whole.slice(0, longestNames).replace(/[^,]*$/, '*');
}

function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

const shown = z.object({ display_value: z.nullable(z.string()), value: z.string() });
const answer = z.object({ result: z.record(z.string(), z.unknown()) });

/** Columns that do not hold the given value word for word, by what that means. */
export type Comparison = {
  /** Hold other values. */
  readonly differing: readonly string[];
  /** May hold the given values, which cannot be determined: passwords, columns of an unknown kind or that the user may not read. */
  readonly open: readonly string[];
  /** The table has no such columns, so that instances ignore them. */
  readonly absent: readonly string[];
};

/**
 * Compares a record with the given values. Journal columns are in no list: they always read empty.
 * @param body the answer to a read with `valuesQuery`
 * @throws ServiceNowError when the instance cannot be asked for the kinds of columns; it is asked only where values differ
 */
export async function compareColumns(
  table: string,
  record: RecordColumns,
  body: unknown,
  journals: JournalColumns,
  context: CallContext,
): Promise<Comparison> {
  const stored = z.safeParse(answer, body).data?.result ?? {};
  const unequal = Object.keys(record).filter((column) => !isSame(record[column], stored[column]));
  const notes = await journals.among(table, unequal, context);
  const others = unequal.filter((column) => !notes.includes(column));
  if (others.length === 0) return { differing: [], open: [], absent: [] };
  const columns = await journals.columns.of(table.toLowerCase(), context);
  const areWhole = await journals.columns.areWhole(table.toLowerCase(), context);
  const lacking = areWhole ? 'absent' : 'open';
  const found = Object.groupBy(others, (name) => stateOf(name, record[name], stored[name], columns, lacking));
  return { differing: found.differing ?? [], open: found.open ?? [], absent: found.absent ?? [] };
}

function stateOf(
  name: string,
  given: unknown,
  stored: unknown,
  columns: ReadonlyMap<string, DictionaryColumn>,
  lacking: 'absent' | 'open',
): keyof Comparison | 'same' {
  const column = columns.get(name);
  if (isSecret(name, column)) return 'open';
  const { data } = z.safeParse(shown, stored);
  if (data === undefined) {
    if (columns.size === 0) return 'differing';
    return column || name.includes('.') ? 'open' : lacking;
  }
  const texts = [data.value, data.display_value ?? ''];
  if (!column) return texts.some((text) => mayBeStoredAs(given, text)) ? 'open' : 'differing';
  return texts.some((text) => isStoredAs(given, text, column)) ? 'same' : 'differing';
}

/** A value may have been given as it is stored or as it is displayed. */
function isSame(given: unknown, stored: unknown): boolean {
  const { value, display_value } = z.safeParse(shown, stored).data ?? {
    value: undefined,
    display_value: null,
  };
  const text = storedText(given).toWellFormed();
  return text === value || text === display_value || (value !== undefined && text.trim() === value.trim());
}

/** A shorter text is too likely another writer's own. */
export const shortestPrefix = 32;

/** True when an instance may have stored this text for that one: it changes blanks and markup, and cuts what is too long. */
export function isSameText(stored: string, sent: string): boolean {
  const [found, wanted] = [normalise(stored), normalise(sent)];
  if (found === wanted) return true;
  const start = found.replace(/(?:&[a-z#0-9]{0,5}|\uFFFD)$/i, '').trimEnd();
  return start.length >= shortestPrefix && wanted.startsWith(start);
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#x27': "'",
};

/** Line ends, outer blanks, control characters and escaped markup may change on the way into a journal. */
export function normalise(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/&(amp|lt|gt|quot|#39|#x27);/g, (whole, name: string) => entities[name] ?? whole)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
