import * as z from 'zod/mini';
import type { ServiceNowRequest } from '../servicenow/request.ts';
import { writesJournal } from '../servicenow/table.ts';
import { tablePath } from '../servicenow/url.ts';
import { apiVersion, queryNoDomain, sysId, tableName, writeParameters } from './parameters.ts';
import { toQuery } from './query.ts';
import { recordParameters, requireRecord, taskColumns } from './record.ts';

/** What PUT and PATCH take; on an instance they do the same: columns not given are left alone. */
export const updateSchema = z.object({
  tableName,
  sysId,
  apiVersion,
  ...writeParameters,
  ...queryNoDomain,
  ...recordParameters,
  ...taskColumns,
});

export type UpdateParameters = z.output<typeof updateSchema>;

/** The call of an update. Each write to a journal column appends an entry, so only a record without one may be sent twice. */
export function updateRequest(method: 'PUT' | 'PATCH', parameters: UpdateParameters): ServiceNowRequest {
  const record = requireRecord(parameters, taskColumns);
  return {
    method,
    path: tablePath(parameters.tableName, parameters.sysId, parameters.apiVersion),
    query: toQuery(parameters),
    body: record,
    repeatable: writesJournal(record) ? 'never' : 'idempotent',
  };
}
