import * as z from 'zod/mini';
import { createRequest } from '../servicenow/requests.ts';
import { createKeyed } from './keyed-create.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, tableName, writeParameters } from './parameters.ts';
import { toQuery } from './query.ts';
import { recordParameters, requireRecord, taskColumns } from './record.ts';

/** Names one create, so that repeating it has no second effect. */
const idempotencyKey = z.optional(
  z.string('must be text').check(z.regex(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters')),
);

const schema = z.object({
  tableName,
  apiVersion,
  ...writeParameters,
  ...recordParameters,
  ...taskColumns,
  idempotencyKey,
});

/** Creates one record. Answers 201 with the record. Without an idempotency key it is sent once and never again after bytes left. */
export const postRecord = defineOperation({
  name: 'postRecord',
  schema,
  body: 'record',
  request: (parameters) =>
    createRequest({
      table: parameters.tableName,
      version: parameters.apiVersion,
      parameters: toQuery(parameters),
      record: requireRecord(parameters, taskColumns),
    }),
  send(request, { tableName, apiVersion, idempotencyKey, ...sources }, client, context, identityOf) {
    if (idempotencyKey === undefined) return client.send(request, context);
    const record = requireRecord(sources, taskColumns);
    const identity = identityOf(tableName, idempotencyKey);
    return createKeyed(request, { tableName, apiVersion, identity, record }, client, context);
  },
});
