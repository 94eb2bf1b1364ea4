import { ConnectorError, InvalidInputError } from '../core/errors.ts';
import { toSnakeCase } from '../operations/query.ts';
import { ServiceNowError } from '../servicenow/errors.ts';
import { type HttpAnswer, jsonAnswer, passOn } from './answer.ts';

/** ServiceNow's error envelope; ours use it too. */
export type ErrorEnvelope = {
  readonly error: { readonly message: string; readonly detail: string | null };
  readonly status: 'failure';
};

/** How long a caller should stay away when the instance did not say, in seconds. */
const defaultRetryAfterSeconds = 30;

/**
 * An error as an answer. What ServiceNow refused keeps its status and body; everything else gets ServiceNow's envelope.
 * An outage is 503 with `Retry-After`, except after a write that may have been carried out: repeating that is not safe.
 * @param address where the caller reached us, for headers that hold URLs
 */
export function toFailure(error: unknown, address: string): HttpAnswer {
  if (!(error instanceof ConnectorError)) return internalFailure;
  const status = error.httpStatus;
  const headers = { ...headersOf(error, status, address), 'x-error-code': error.code };
  if (isRefusal(error)) return jsonAnswer(status, headers, error.body);
  return jsonAnswer(status, headers, envelope(error.ownAnswer?.title ?? 'Operation Failed', describe(error)));
}

/** Nothing about an error that we did not foresee goes out; the log has it. */
const internalFailure: HttpAnswer = jsonAnswer(
  500,
  { 'x-error-code': 'INTERNAL' },
  envelope('Internal error', 'Look into the log of the function under the id of this request'),
);

function envelope(message: string, detail: string): ErrorEnvelope {
  return { error: { message, detail }, status: 'failure' };
}

/** True when the body is ServiceNow's own account of why it refused this call, and not one that was made for its token. */
function isRefusal(error: ConnectorError): error is ServiceNowError {
  if (!(error instanceof ServiceNowError) || !error.sent) return false;
  return !error.ownAnswer && error.body !== undefined && error.httpStatus === error.status;
}

function headersOf(error: ConnectorError, status: number, address: string): Record<string, string> {
  const sent = error instanceof ServiceNowError ? passOn(error.headers, address) : {};
  const asked = error.retryAfterMs;
  const says = status === 503 || (status === 429 && asked !== undefined);
  if (!says || sent['retry-after']) return sent;
  const seconds = asked === undefined ? defaultRetryAfterSeconds : Math.ceil(asked / 1000);
  return { ...sent, 'retry-after': String(Math.max(1, seconds)) };
}

function describe(error: ConnectorError): string {
  return error instanceof InvalidInputError ? `${httpName(error.field)}: ${error.reason}` : error.message;
}

/** A parameter as the HTTP caller spelled it: the seed's names stand for ServiceNow's here. */
function httpName(field: string): string {
  if (field.startsWith('sysparm')) return toSnakeCase(field);
  if (field === 'idempotencyKey') return 'idempotency-key';
  return field.replace(/^keyValuePairs\.?/, '').replace(/^record(?=$|\.)/, 'body') || 'query';
}
