import * as z from 'zod/mini';
import { ConfigurationError, ConnectorError, InvalidInputError } from '../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { RecordNotFoundError, ServiceNowError } from '../servicenow/errors.ts';
import type { ApiVersion } from '../servicenow/names.ts';
import { createRequest, getRequest, listRequest } from '../servicenow/requests.ts';
import type { Identity } from './identity.ts';
import type { RecordColumns } from './record-input.ts';
import type { Step, Steps } from './steps.ts';

/** A record that is to be created once. */
export type Creation = {
  readonly table: string;
  readonly record: RecordColumns;
  readonly identity: Identity;
  readonly version?: ApiVersion | undefined;
  /** Query parameters of the create itself, e.g. `sysparm_input_display_value`. */
  readonly query?: URLSearchParams | undefined;
  readonly headers?: ServiceNowRequest['headers'] | undefined;
};

/** What came of it. `found` means that the record was there before, or that an answer was lost on the way. */
export type Created =
  | { readonly kind: 'created'; readonly response: ServiceNowResponse }
  | { readonly kind: 'found'; readonly sysId: string };

/**
 * Creates a record unless it exists. After a lost answer or a refused insert the instance is asked before anything is
 * concluded.
 * @throws InvalidInputError for a record with an identity of its own
 * @throws what the create failed with, when the instance does not hold the record
 */
export function* createOnce(creation: Creation): Steps<Created> {
  const { identity, record } = creation;
  refuseOwnIdentity(record, identity);
  if (identity.kind === 'correlation_id') {
    const earlier = yield* look(creation, false);
    if (earlier !== undefined) return { kind: 'found', sysId: earlier };
  }
  const own = identity.kind === 'sys_id' && { changes: identity.sysId };
  const outcome = yield { request: creationRequest(creation), ...own };
  if (outcome.kind === 'answered') return { kind: 'created', response: outcome.response };
  if (!(outcome.error instanceof ServiceNowError && outcome.error.recordMayExist)) throw outcome.error;
  const found = yield* look(creation, true);
  if (found !== undefined) return { kind: 'found', sysId: found };
  throw outcome.error;
}

/** What the key is written to cannot hold anything else. */
function refuseOwnIdentity(record: RecordColumns, { kind }: Identity): void {
  if (record[kind] === undefined) return;
  throw new InvalidInputError(
    `record.${kind}`,
    'comes from the key; give what identifies the record as the key',
  );
}

function creationRequest({ table, record, identity, version, query, headers }: Creation): ServiceNowRequest {
  const known =
    identity.kind === 'sys_id' ? { sys_id: identity.sysId } : { correlation_id: identity.correlationId };
  const parameters = query;
  return createRequest({ table, version, parameters, headers, record: { ...record, ...known } });
}

/** The sys_id of the record if the instance holds it. @throws what the look-up failed with */
function* look(creation: Creation, settles: boolean): Steps<string | undefined> {
  const outcome = yield { ...lookUp(creation), settles };
  if (outcome.kind === 'answered') return sysIdIn(outcome.response.body, creation);
  if (outcome.error instanceof RecordNotFoundError) return undefined;
  throw outcome.error;
}

/** Of the records that an instance finds, some may differ in letter case only; more than this do not. */
const mostAlike = 100;

function lookUp({ table, identity }: Creation): Step {
  if (identity.kind === 'sys_id') {
    return { request: getRequest({ table, sysId: identity.sysId, fields: ['sys_id'] }) };
  }
  const query = encodedQuery().where('correlation_id', '=', identity.correlationId).orderBy('sys_created_on');
  return { request: listRequest({ table, query, fields: ['sys_id', 'correlation_id'], limit: mostAlike }) };
}

const row = z.object({ sys_id: z.string(), correlation_id: z.optional(z.string()) });
const answered = z.object({ result: z.union([row, z.array(row)]) });

function sysIdIn(body: unknown, { table, identity }: Creation): string | undefined {
  const parsed = z.safeParse(answered, body);
  if (!parsed.success)
    throw new UnreadableAnswerError('a look-up answered without a sys_id; may the user read it?');
  const { result } = parsed.data;
  if (identity.kind === 'sys_id') return Array.isArray(result) ? undefined : result.sys_id;
  const rows = [result].flat();
  // An instance drops a condition on a column that it does not know, and so finds any record (contract 2.3).
  if (rows.some(({ correlation_id }) => correlation_id === undefined))
    throw new ConfigurationError(
      'correlationIdTables',
      `${table} has no column correlation_id that the user may read, so that nothing can be created in it once`,
    );
  return rows.find(({ correlation_id }) => correlation_id === identity.correlationId)?.sys_id;
}

/** The instance answered, but not what its API promises. */
export class UnreadableAnswerError extends ConnectorError {
  override readonly name: string = 'UnreadableAnswerError';
  override readonly code = 'ANSWER_UNREADABLE';
  override readonly retryable = true;
}
