import * as z from 'zod/mini';
import { AnswerLostError } from './errors.ts';
import type { Method, ServiceNowResponse } from './request.ts';

/**
 * One column as ServiceNow gives it: a string; an object with `value`, `display_value` and `link` as the display mode has
 * it; `null` for the display value of an empty choice (contract 1.3).
 */
type FieldValue = string | null | Readonly<Record<string, string | null>>;
/** A record: column name to value. */
export type ServiceNowRecord = Readonly<Record<string, FieldValue>>;

/** `{"result": {…}}`; a guard rather than a schema per column, since a page may hold a million values. */
export const recordSchema = z.custom<ServiceNowRecord>(isRecord);

function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((field) => typeof field === 'string' || typeof field === 'object');
}

/**
 * Reads the `result` of a body by its schema.
 * @throws AnswerLostError when the answer has another shape than the API promises
 */
export function readResult<T>(
  schema: z.ZodMiniType<T>,
  response: ServiceNowResponse,
  method: Method,
  path: string,
): T {
  const envelope = z.object({ result: schema }).safeParse(response.body);
  if (envelope.success) return envelope.data.result;
  throw unexpectedShape(response, method, path);
}

/** The answer is JSON, yet not what this API answers: something in between rewrote it, or the body is not the record's. */
export function unexpectedShape(response: ServiceNowResponse, method: Method, path: string): AnswerLostError {
  const { status, headers, body } = response;
  const effect = method === 'GET' ? 'none' : 'unknown';
  return new AnswerLostError(`${method} ${path}: ${status} with a body of an unexpected shape`, {
    method,
    path,
    effect,
    answer: { status, headers, body },
  });
}
