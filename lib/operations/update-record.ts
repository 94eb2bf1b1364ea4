import * as z from 'zod/mini';
import type { ServiceNowRequest } from '../servicenow/call.ts';
import { updateRequest } from '../servicenow/requests.ts';
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

/** The call of an update. */
export function toUpdateRequest(method: 'PUT' | 'PATCH', parameters: UpdateParameters): ServiceNowRequest {
  return updateRequest({
    method,
    table: parameters.tableName,
    sysId: parameters.sysId,
    version: parameters.apiVersion,
    parameters: toQuery(parameters),
    record: requireRecord(parameters, taskColumns),
  });
}
