import { postBatch } from '../lib/operations/batch.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Carries out several calls in one, each checked like a call of its own.
 *
 * HTTP: `POST /api/now[/v1|/v2]/batch`, the body being `{ batch_request_id?, rest_requests: [{ id, method, url, headers?, body? }] }`
 * with bodies in base64, as on an instance. Answers 200 with `{ batch_request_id, serviced_requests, unserviced_requests }`.
 *
 * Direct Invoke: the same object, plus `instance?`. Answers the same.
 */
export const handler = keyedOperationHandler(postBatch);
