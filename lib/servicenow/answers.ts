import * as z from 'zod/mini';
import type { ServiceNowRequest, ServiceNowResponse } from './call.ts';
import { AnswerLostError } from './errors.ts';

/**
 * One column as ServiceNow gives it: a string; an object with `value`, `display_value` and `link`, depending on the display
 * mode; `null` for the display value of an empty choice (docs/servicenow-contract.md 1.3).
 */
type FieldValue = string | null | Readonly<Record<string, string | null>>;
/** A record: column name to value. */
export type ServiceNowRecord = Readonly<Record<string, FieldValue>>;

/** A guard rather than a schema per column, since a page may hold a million values. */
export const recordSchema = z.custom<ServiceNowRecord>(isRecord);

function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((field) => typeof field === 'string' || typeof field === 'object');
}

/** The stored value of a column, whatever the display mode; `''` when it is empty or absent. */
export function textOf(record: ServiceNowRecord | undefined, column: string): string {
  const value = record?.[column];
  return typeof value === 'string' ? value : (value?.['value'] ?? '');
}

/**
 * Reads the `result` of a body by its schema.
 * @throws AnswerLostError when the answer has another shape than the API promises
 */
export function readResult<T>(
  schema: z.ZodMiniType<T>,
  response: ServiceNowResponse,
  request: ServiceNowRequest,
): T {
  const envelope = z.object({ result: schema }).safeParse(response.body);
  if (envelope.success) return envelope.data.result;
  throw unexpectedShape(response, request);
}

/** The answer is JSON, but not what this API answers: something in between rewrote it, or the body is not the record's. */
export function unexpectedShape(
  { status, headers, body, attempts }: ServiceNowResponse,
  { method, path, repeatable }: ServiceNowRequest,
): AnswerLostError {
  const error = new AnswerLostError(`${method} ${path}: ${status} with a body of an unexpected shape`, {
    method,
    path,
    effect: repeatable === 'read' ? 'none' : 'unknown',
    answer: { status, headers, body },
  });
  error.attempts = attempts;
  return error;
}
