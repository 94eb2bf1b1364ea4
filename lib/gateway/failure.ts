import { ConfigurationError, ConnectorError, InvalidInputError } from '../core/errors.ts';
import { toSnakeCase } from '../operations/query.ts';
import { ServiceNowError } from '../servicenow/errors/servicenow-error.ts';
import { type HttpAnswer, jsonAnswer, passOn } from './answer.ts';

/** ServiceNow's error envelope; ours use it too. */
export type ErrorEnvelope = {
  readonly error: { readonly message: string; readonly detail: string | null };
  readonly status: 'failure';
};

/** How long a caller should stay away when the instance did not say, in seconds. */
const defaultRetryAfterSeconds = 30;

const ownAnswers: Readonly<Record<string, readonly [status: number, message: string]>> = {
  INVALID_INPUT: [400, 'Invalid input'],
  NO_SUCH_RESOURCE: [400, 'Requested URI does not represent any resource'],
  TABLE_NOT_ALLOWED: [403, 'Table not allowed'],
  NOT_ACCEPTABLE: [406, 'Not acceptable'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Unsupported media type'],
  ANSWER_TOO_LARGE: [413, 'Answer too large'],
  // Not 401: the caller's own credentials are fine, and a client that logs in again would only start over.
  CREDENTIALS_REJECTED: [502, 'The instance refuses the credentials of the deployment'],
  SCOPE_MISSING: [502, 'The instance refuses the credentials of the deployment'],
  CONFIGURATION_INVALID: [500, 'The deployment is not set up'],
  TRANSACTION_CANCELLED: [504, 'The instance broke the call off'],
  OUTCOME_UNKNOWN: [504, 'The outcome is not known'],
  OUTCOME_UNSETTLED: [503, 'The outcome is not known yet'],
  DEADLINE_EXCEEDED: [503, 'Time ran out before the call was made'],
  INSTANCE_ASLEEP: [503, 'The instance is asleep'],
  INSTANCE_UNAVAILABLE: [503, 'The instance is not available'],
  NOT_SERVICENOW: [503, 'Something other than ServiceNow answered'],
  CONNECTION_FAILED: [503, 'The instance cannot be reached'],
  ANSWER_LOST: [503, 'The answer of the instance was lost'],
};

/**
 * An error as an answer. What ServiceNow refused keeps its status and body; everything else gets ServiceNow's envelope.
 * An outage is 503 with `Retry-After`, except after a write that may have been carried out: repeating that is not safe.
 * @param address where the caller reached us, for headers that hold URLs
 */
export function toFailure(error: unknown, address: string): HttpAnswer {
  if (!(error instanceof ConnectorError)) return internalFailure;
  const [status, message] = ownAnswer(error) ?? [statusOf(error), 'Operation Failed'];
  const headers = { ...headersOf(error, status, address), 'x-error-code': error.code };
  if (isRefusal(error)) return jsonAnswer(status, headers, error.body);
  return jsonAnswer(status, headers, envelope(message, describe(error)));
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

function ownAnswer(error: ConnectorError): readonly [number, string] | undefined {
  const named = error instanceof ConfigurationError && error.setting === 'instance';
  return named ? [400, 'No such instance'] : ownAnswers[error.code];
}

/** An error inside a 200 must not pass for success. */
function statusOf(error: ConnectorError): number {
  const status = error instanceof ServiceNowError ? error.status : undefined;
  if (status !== undefined && status >= 400) return status;
  return error.code === 'THROTTLED' ? 429 : 502;
}

/** True when the body is ServiceNow's own account of why it refused this call, and not one that was made for its token. */
function isRefusal(error: ConnectorError): error is ServiceNowError {
  if (!(error instanceof ServiceNowError) || !error.sent) return false;
  return !ownAnswer(error) && error.body !== undefined;
}

function headersOf(error: ConnectorError, status: number, address: string): Record<string, string> {
  const sent = error instanceof ServiceNowError ? passOn(error.headers, address) : {};
  const asked = error instanceof ServiceNowError ? error.retryAfterMs : undefined;
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
