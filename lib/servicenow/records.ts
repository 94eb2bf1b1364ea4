import * as z from 'zod/mini';
import { readResult, recordSchema, type ServiceNowRecord } from './answers.ts';
import type { CallOptions, ServiceNowClient, ServiceNowRequest, ServiceNowResponse } from './call.ts';
import {
  type AggregateOptions,
  aggregateRequest,
  type CreateOptions,
  createRequest,
  type DeleteOptions,
  deleteRequest,
  type GetOptions,
  getRequest,
  type ListOptions,
  listRequest,
  type UpdateOptions,
  updateRequest,
} from './requests.ts';

/** A list, and ServiceNow's answer as it came. */
export type ListAnswer = {
  readonly records: readonly ServiceNowRecord[];
  /** What the instance holds for the query, including rows that access controls hide; undefined when not counted. */
  readonly totalCount: number | undefined;
  readonly response: ServiceNowResponse;
};

/** One record, and ServiceNow's answer as it came. */
export type RecordAnswer = { readonly record: ServiceNowRecord; readonly response: ServiceNowResponse };

/** What was written, and ServiceNow's answer as it came. `record` is undefined when the user may not read back what was written. */
export type WriteAnswer = {
  readonly record: ServiceNowRecord | undefined;
  readonly response: ServiceNowResponse;
};

/**
 * One page of a table; `listAll` in `pages.ts` gives all of them.
 * @throws ServiceNowError
 * @example const { records } = await listRecords(client, { table: 'incident', limit: 10 });
 */
export async function listRecords(
  client: ServiceNowClient,
  options: ListOptions,
  context?: CallOptions,
): Promise<ListAnswer> {
  const request = listRequest(options);
  const response = await client.send(request, context);
  const total = response.headers['x-total-count'];
  const records = readResult(z.array(recordSchema), response, request);
  return { records, totalCount: total === undefined ? undefined : Number(total), response };
}

/**
 * One record by its sys_id.
 * @throws RecordNotFoundError when there is none or the user may not see it; any other ServiceNowError
 */
export async function getRecord(
  client: ServiceNowClient,
  options: GetOptions,
  context?: CallOptions,
): Promise<RecordAnswer> {
  const request = getRequest(options);
  const response = await client.send(request, context);
  return { record: readResult(recordSchema, response, request), response };
}

/**
 * Creates a record. With a `sys_id` in it the instance refuses a second copy (docs/servicenow-contract.md 1.6), so that the
 * call is repeated when its answer was lost; without one it is sent once.
 * @throws InsertRefusedError when the sys_id exists; UnknownOutcomeError; any other ServiceNowError
 */
export async function createRecord(
  client: ServiceNowClient,
  options: CreateOptions,
  context?: CallOptions,
): Promise<WriteAnswer> {
  return write(client, createRequest(options), context);
}

/**
 * Updates the given columns of a record. Sent once: after a lost answer the first copy may still be running.
 * @throws RecordNotFoundError, UnknownOutcomeError, any other ServiceNowError
 */
export async function updateRecord(
  client: ServiceNowClient,
  options: UpdateOptions,
  context?: CallOptions,
): Promise<WriteAnswer> {
  return write(client, updateRequest(options), context);
}

/** Deletes a record. @throws RecordNotFoundError, UnknownOutcomeError, any other ServiceNowError */
export async function deleteRecord(
  client: ServiceNowClient,
  options: DeleteOptions,
  context?: CallOptions,
): Promise<ServiceNowResponse> {
  return client.send(deleteRequest(options), context);
}

async function write(
  client: ServiceNowClient,
  request: ServiceNowRequest,
  context: CallOptions | undefined,
): Promise<WriteAnswer> {
  const response = await client.send(request, context);
  const record = response.body === undefined ? undefined : readResult(recordSchema, response, request);
  return { record, response };
}

/** Columns of a task whose every write adds an entry: writing them twice is not the same as once. */
export const journalColumns: readonly string[] = ['work_notes', 'comments', 'comments_and_work_notes'];

const perField = z.record(z.string(), z.string());
const stats = z.object({
  count: z.optional(z.string()),
  avg: z.optional(perField),
  min: z.optional(perField),
  max: z.optional(perField),
  sum: z.optional(perField),
});
const groupField = z.object({
  field: z.string(),
  value: z.nullable(z.string()),
  display_value: z.optional(z.nullable(z.string())),
});
const group = z.object({ stats, groupby_fields: z.optional(z.array(groupField)) });

/** Figures as strings, averages with four decimals (docs/servicenow-contract.md 3); `groupby_fields` when grouped. */
type AggregateGroup = z.infer<typeof group>;

/** One group when nothing is grouped by, else one per value; and ServiceNow's answer as it came. */
export type AggregateAnswer = {
  readonly groups: readonly AggregateGroup[];
  readonly response: ServiceNowResponse;
};

/** Counts, averages, minima, maxima and sums of a table, grouped or not. @throws ServiceNowError */
export async function aggregate(
  client: ServiceNowClient,
  options: AggregateOptions,
  context?: CallOptions,
): Promise<AggregateAnswer> {
  const request = aggregateRequest(options);
  const response = await client.send(request, context);
  const result = readResult(z.union([z.array(group), group]), response, request);
  return { groups: Array.isArray(result) ? result : [result], response };
}
