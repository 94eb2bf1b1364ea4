import { ConfigurationError, InvalidInputError, TableNotAllowedError } from '../core/errors.ts';
import {
  AccessDeniedError,
  BusinessRuleError,
  DataPolicyError,
  InsertRefusedError,
  InvalidTableError,
  RecordNotFoundError,
  RequestRefusedError,
} from '../servicenow/errors/refusals.ts';
import { ServiceNowError } from '../servicenow/errors/servicenow-error.ts';

/**
 * The three ways in which a write fails.
 * - `permanent`: sending the same message again cannot help; it goes to the dead-letter queue with its reason.
 * - `throttled`: the instance said when to come back.
 * - `retryable`: everything else, also what is wrong with the deployment rather than with the message.
 */
export type FailureKind = 'permanent' | 'throttled' | 'retryable';

const refusals = [
  InvalidInputError,
  TableNotAllowedError,
  RequestRefusedError,
  InvalidTableError,
  RecordNotFoundError,
  AccessDeniedError,
  InsertRefusedError,
  DataPolicyError,
  BusinessRuleError,
];

export function failureKind(error: unknown): FailureKind {
  const unknownInstance = error instanceof ConfigurationError && error.setting === 'instance';
  if (unknownInstance || refusals.some((refusal) => error instanceof refusal)) return 'permanent';
  const told = error instanceof ServiceNowError && error.retryAfterMs !== undefined;
  return told ? 'throttled' : 'retryable';
}

const outages = new Set([
  'INSTANCE_ASLEEP',
  'INSTANCE_UNAVAILABLE',
  'CONNECTION_FAILED',
  'NOT_SERVICENOW',
  'CREDENTIALS_REJECTED',
  'SCOPE_MISSING',
  'THROTTLED',
]);

/** True when the next call would meet the same failure, so that it is kinder not to make it. */
export function isOutage(error: unknown): boolean {
  return error instanceof ServiceNowError && outages.has(error.code);
}
