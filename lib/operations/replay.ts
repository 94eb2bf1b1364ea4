import * as z from 'zod/mini';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { AccessDeniedError, RecordNotFoundError } from '../servicenow/errors.ts';
import type { ApiVersion } from '../servicenow/names.ts';
import { getRequest } from '../servicenow/records.ts';
import type { OperationDeps } from './define-operation.ts';
import { journalColumnsOf } from './dictionary.ts';
import type { RecordColumns } from './record-input.ts';

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
  { table, version, record, sysId }: ReplayedRecord,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { client, context } = deps;
  const read = (parameters: URLSearchParams) =>
    client.send(getRequest({ table, sysId, version, parameters }), context);
  try {
    const [asAsked, both] = await Promise.all([read(readQuery(request.query)), read(valuesQuery(record))]);
    const differs = await differingColumns(table, record, both.body, deps);
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

/**
 * The columns whose stored values are not the given ones. Journal columns are never among them: they always read empty.
 * @param body the answer to a read with `valuesQuery`
 * @throws ServiceNowError when the instance cannot be asked which columns are journals; it is asked only where values differ
 */
export async function differingColumns(
  table: string,
  record: RecordColumns,
  body: unknown,
  { client, clock, context }: Pick<OperationDeps, 'client' | 'clock' | 'context'>,
): Promise<readonly string[]> {
  const unequal = unequalColumns(record, body);
  const journals = await journalColumnsOf(client, clock).among(table, unequal, context);
  return unequal.filter((column) => !journals.includes(column));
}

/** As `differingColumns`, with the journal columns. */
export function unequalColumns(record: RecordColumns, body: unknown): readonly string[] {
  const stored = z.safeParse(answer, body).data?.result ?? {};
  return Object.keys(record).filter((column) => !isSame(record[column], stored[column]));
}

/** Below this length no column cuts a text. */
const shortestColumn = 40;

/** A value may have been given as it is stored or as it is displayed; a column keeps the beginning of a text that is too long. */
function isSame(given: unknown, stored: unknown): boolean {
  const { value, display_value } = z.safeParse(shown, stored).data ?? {
    value: undefined,
    display_value: null,
  };
  const text = storedText(given).toWellFormed();
  if (text === value || text === display_value || (value !== undefined && text.trim() === value.trim()))
    return true;
  return value !== undefined && value.length >= shortestColumn && text.startsWith(value);
}

/** A value as an instance stores it as text: objects in Java's notation, e.g. `{a=1, b=[x, y]}` (docs/servicenow-contract.md 12). */
export function storedText(given: unknown): string {
  if (given === null || given === undefined) return '';
  return typeof given === 'object' ? javaText(given) : String(given);
}

function javaText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(javaText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([name, one]) => `${name}=${javaText(one)}`);
  return `{${entries.join(', ')}}`;
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
