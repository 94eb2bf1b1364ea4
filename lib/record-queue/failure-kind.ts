import { ConnectorError } from '../core/errors.ts';
import { ServiceNowError } from '../servicenow/errors.ts';

/**
 * The three ways in which a write fails.
 * - `permanent`: sending the same message again cannot help; it goes to the dead-letter queue with its reason.
 * - `throttled`: the instance said when to come back.
 * - `retryable`: everything else, also what is wrong with the deployment rather than with the message.
 */
export type FailureKind = 'permanent' | 'throttled' | 'retryable';

export function failureKind(error: unknown): FailureKind {
  if (!(error instanceof ConnectorError)) return 'retryable';
  if (error.isPermanent) return 'permanent';
  return error.retryAfterMs === undefined ? 'retryable' : 'throttled';
}

/** True when the next call would meet the same failure, so that it is kinder not to make it. */
export function isOutage(error: unknown): boolean {
  return error instanceof ServiceNowError && error.scope === 'instance';
}
