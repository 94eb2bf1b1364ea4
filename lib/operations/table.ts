import * as z from 'zod/mini';
import { mayHaveTakenEffect } from '../core/errors.ts';
import { aggregateRequest } from '../servicenow/aggregate.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import {
  createRequest,
  deleteRequest,
  getRequest,
  listRequest,
  mayBeJournal,
  updateRequest,
} from '../servicenow/records.ts';
import { defineOperation, type OperationDeps } from './define-operation.ts';
import {
  addPairs,
  aggregateParameters,
  apiVersion,
  idempotencyKey,
  keyValuePairs,
  listParameters,
  queryNoDomain,
  readParameters,
  sysId,
  tableName,
  toQuery,
  writeParameters,
} from './parameters.ts';
import { type RecordColumns, recordParameters, requireRecord, taskColumns } from './record-input.ts';

/** What only calls with a key need, so that no other cold start waits for it. */
const loadCreate = () => import('./idempotent-create.ts');
const loadUpdate = () => import('./keyed-update.ts');
const loadDelete = () => import('./remembered-delete.ts');
const loadNotes = () => import('./remember-notes.ts');

const ofTable = '/table/{tableName}';
const ofRecord = '/table/{tableName}/{sysId}';

/** Lists the records of a table that match an encoded query, or `column=value` pairs. Answers 200 with a list. */
export const getRecords = defineOperation({
  name: 'getRecords',
  routes: [{ method: 'GET', path: ofTable }],
  schema: z.object({
    tableName,
    apiVersion,
    ...listParameters,
    ...readParameters,
    ...queryNoDomain,
    keyValuePairs,
  }),
  aliases: {
    sysparmReadReplicaCategory: 'sysparmQueryCategory',
    sysparmSupPaginationHeader: 'sysparmSuppressPaginationHeader',
    KeyValuePairs: 'keyValuePairs',
  },
  request: (parameters) =>
    listRequest({
      table: parameters.tableName,
      version: parameters.apiVersion,
      parameters: addPairs(toQuery(parameters), parameters.keyValuePairs),
    }),
});

/** Reads one record by its sys_id. Answers 200, or 404 when it does not exist or may not be seen. */
export const getRecordById = defineOperation({
  name: 'getRecordById',
  routes: [{ method: 'GET', path: ofRecord }],
  schema: z.object({ tableName, sysId, apiVersion, ...readParameters, ...queryNoDomain }),
  request: (parameters) =>
    getRequest({
      table: parameters.tableName,
      sysId: parameters.sysId,
      version: parameters.apiVersion,
      parameters: toQuery(parameters),
    }),
});

/**
 * Creates one record. Answers 201 with the record. Without an idempotency key it is sent once, and never again after bytes
 * have left.
 */
export const postRecord = defineOperation({
  name: 'postRecord',
  routes: [{ method: 'POST', path: ofTable }],
  body: 'optional-record',
  schema: z.object({
    tableName,
    apiVersion,
    ...writeParameters,
    ...recordParameters,
    ...taskColumns,
    idempotencyKey,
  }),
  request: (parameters) =>
    createRequest({
      table: parameters.tableName,
      record: requireRecord(parameters, taskColumns),
      version: parameters.apiVersion,
      parameters: toQuery(parameters),
    }),
  async send(request, { tableName: table, apiVersion: version, idempotencyKey: given, ...sources }, deps) {
    const record = requireRecord(sources, taskColumns);
    const key = given ?? (record['sys_id'] === undefined ? deps.invocationKey : undefined);
    if (key === undefined) return sendUnkeyed(request, { table, record }, deps);
    const { createKeyed } = await loadCreate();
    return createKeyed(request, { table, version, record, key, isImplicit: given === undefined }, deps);
  },
});

/** Sends a write that has no key, and remembers its notes: a message with the same text must not take them for its own. */
async function sendUnkeyed(
  request: ServiceNowRequest,
  {
    table,
    record,
    sysId: given,
  }: { readonly table: string; readonly record: RecordColumns; readonly sysId?: string },
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const sentAtMs = deps.clock.now();
  const isOwn = given === undefined && typeof record['sys_id'] === 'string' && record['sys_id'] !== '';
  const response = isOwn
    ? await (await loadCreate()).createWithOwnSysId(request, table, String(record['sys_id']), deps)
    : await deps.client
        .send(request, deps.context)
        .catch((error: unknown) => rethrowInDoubt(error, given, deps));
  if (!deps.ledger || !Object.keys(record).some((column) => mayBeJournal(table, column))) return response;
  const { createdSysId, rememberNotesOf } = await loadNotes();
  await rememberNotesOf({ table, record, sysId: given ?? createdSysId(response), sentAtMs }, deps);
  return response;
}

/** After a lost answer, writes that heed doubts wait until the instance can no longer be working on this one. */
async function rethrowInDoubt(
  error: unknown,
  sysId: string | undefined,
  { clock, inDoubtMs, ledger }: OperationDeps,
): Promise<never> {
  if (sysId !== undefined && mayHaveTakenEffect(error))
    await ledger?.records.markInDoubt(sysId, clock.now() + inDoubtMs, '').catch(() => undefined);
  throw error;
}

const updateSchema = z.object({
  tableName,
  sysId,
  apiVersion,
  ...writeParameters,
  ...queryNoDomain,
  ...recordParameters,
  ...taskColumns,
  idempotencyKey,
});

type UpdateParameters = z.output<typeof updateSchema>;

function toUpdateRequest(method: 'PUT' | 'PATCH', parameters: UpdateParameters): ServiceNowRequest {
  return updateRequest({
    method,
    table: parameters.tableName,
    sysId: parameters.sysId,
    version: parameters.apiVersion,
    parameters: toQuery(parameters),
    record: requireRecord(parameters, taskColumns),
  });
}

async function sendUpdate(
  request: ServiceNowRequest,
  { tableName: table, sysId: id, apiVersion: version, idempotencyKey: key, ...sources }: UpdateParameters,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const record = requireRecord(sources, taskColumns);
  if (key === undefined) return sendUnkeyed(request, { table, record, sysId: id }, deps);
  const { updateKeyed } = await loadUpdate();
  return updateKeyed(request, { table, version, sysId: id, record, key }, deps);
}

/** Updates one record with PATCH. `""` clears a column, an absent one is left alone. Answers 200 with the record. */
export const patchRecordById = defineOperation({
  name: 'patchRecordById',
  routes: [{ method: 'PATCH', path: ofRecord }],
  body: 'optional-record',
  schema: updateSchema,
  request: (parameters) => toUpdateRequest('PATCH', parameters),
  send: sendUpdate,
});

/** Updates one record with PUT, which on an instance does what PATCH does. Answers 200 with the record. */
export const putRecordById = defineOperation({
  name: 'putRecordById',
  routes: [{ method: 'PUT', path: ofRecord }],
  body: 'optional-record',
  schema: updateSchema,
  request: (parameters) => toUpdateRequest('PUT', parameters),
  send: sendUpdate,
});

/** Deletes one record. Answers 204 without a body, or 404 when it does not exist. */
export const deleteRecordById = defineOperation({
  name: 'deleteRecordById',
  routes: [{ method: 'DELETE', path: ofRecord }],
  schema: z.object({ tableName, sysId, apiVersion, ...queryNoDomain, idempotencyKey }),
  async send(request, { tableName: table, sysId: id, idempotencyKey: key }, deps) {
    if (key === undefined) return (await loadDelete()).deleteRemembered(request, { table, sysId: id }, deps);
    const { deleteKeyed } = await loadUpdate();
    return deleteKeyed(request, { table, sysId: id, key }, deps);
  },
  request: (parameters) =>
    deleteRequest({
      table: parameters.tableName,
      sysId: parameters.sysId,
      version: parameters.apiVersion,
      parameters: toQuery(parameters),
    }),
});

/** Counts, averages, minima, maxima and sums of a table, grouped or not. Answers 200. */
export const getAggregateRecord = defineOperation({
  name: 'getAggregateRecord',
  routes: [{ method: 'GET', path: '/stats/{tableName}' }],
  schema: z.object({ tableName, apiVersion, ...aggregateParameters, keyValuePairs }),
  aliases: { sysparmOrderby: 'sysparmOrderBy', KeyValuePairs: 'keyValuePairs' },
  request: (parameters) =>
    aggregateRequest({
      table: parameters.tableName,
      version: parameters.apiVersion,
      parameters: addPairs(toQuery(parameters), parameters.keyValuePairs),
    }),
});
