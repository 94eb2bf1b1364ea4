import * as z from 'zod/mini';
import { ConnectorError, mayHaveTakenEffect } from '../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import type { ApiVersion } from '../servicenow/names.ts';
import { journalColumns } from '../servicenow/records.ts';
import { getRequest } from '../servicenow/requests.ts';
import { createOnce } from './create-once.ts';
import type { OperationDeps } from './define-operation.ts';
import type { Identity } from './identity.ts';
import type { RecordColumns } from './record-input.ts';
import { runSteps } from './steps.ts';

/** A create that its caller may repeat under the same key. */
export type KeyedCreate = {
  readonly table: string;
  readonly version?: ApiVersion | undefined;
  /** What the key gives. */
  readonly identity: Identity;
  readonly record: RecordColumns;
};

/** It is not known whether the record was created; sending it again under the same key is safe. */
export class OutcomeUnsettledError extends ConnectorError {
  override readonly name: string = 'OutcomeUnsettledError';
  override readonly code = 'OUTCOME_UNSETTLED';
  override readonly retryable = true;
  override readonly effect = 'unknown';
  override readonly ownAnswer = { status: 503, title: 'The outcome is not known yet' };
}

/**
 * Creates a record once per key. A repeat answers 200 with the record as it now is, `idempotency-replayed: true`, and names
 * in `idempotency-differs` the columns whose values are not the given ones; `*` stands for those that do not fit into a header.
 * @param request the create as it would be sent without a key
 * @throws InvalidInputError for a record with an identity of its own; OutcomeUnsettledError; ServiceNowError and its kin
 */
export async function createKeyed(
  request: ServiceNowRequest,
  create: KeyedCreate,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { query, headers } = request;
  const steps = createOnce({ ...create, query, headers });
  const created = await runSteps(steps, deps.client, deps.context).catch(unsettled);
  return created.kind === 'created' ? created.response : replay(request, create, created.sysId, deps);
}

function unsettled(error: unknown): never {
  if (!mayHaveTakenEffect(error)) throw error;
  const message =
    'the answer was lost and the instance could not be asked; send it again with the same Idempotency-Key';
  throw new OutcomeUnsettledError(message, { cause: error });
}

async function replay(
  request: ServiceNowRequest,
  { table, version, record }: KeyedCreate,
  sysId: string,
  { client, context }: OperationDeps,
): Promise<ServiceNowResponse> {
  const read = (parameters: URLSearchParams) =>
    client.send(getRequest({ table, sysId, version, parameters }), context);
  const [asAsked, both] = await Promise.all([read(readQuery(request.query)), read(valuesQuery(record))]);
  const differs = differingColumns(record, both.body);
  const headers = {
    ...asAsked.headers,
    'idempotency-replayed': 'true',
    ...(differs.length > 0 && { 'idempotency-differs': toHeader(differs) }),
  };
  return { ...asAsked, headers };
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
function valuesQuery(record: RecordColumns): URLSearchParams {
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

function differingColumns(record: RecordColumns, body: unknown): readonly string[] {
  const stored = z.safeParse(answer, body).data?.result ?? {};
  // Journal columns always read empty, so that nothing can be said about them.
  const given = Object.entries(record).filter(([column]) => !journalColumns.includes(column));
  return given.filter(([column, value]) => !isSame(value, stored[column])).map(([column]) => column);
}

/** A value may have been given as it is stored or as it is displayed. */
function isSame(given: unknown, stored: unknown): boolean {
  const { value, display_value } = z.safeParse(shown, stored).data ?? {
    value: undefined,
    display_value: undefined,
  };
  const text = given === null ? '' : String(given);
  return text === value || text === display_value;
}
