import { ServiceNowError } from './servicenow-error.ts';

/** 429: a rate limit or a full semaphore queue. */
export class ThrottledError extends ServiceNowError {
  override readonly name: string = 'ThrottledError';
  override readonly code = 'THROTTLED';
  override readonly retryable = true;
}

/** 500 and 5xx without a kind of its own. A write may have been carried out: see `outcome`. */
export class InstanceError extends ServiceNowError {
  override readonly name: string = 'InstanceError';
  override readonly code: string = 'INSTANCE_ERROR';
  override readonly retryable = true;
}

/** 502, 503, 504: restarting, upgrading or overloaded. */
export class InstanceUnavailableError extends ServiceNowError {
  override readonly name: string = 'InstanceUnavailableError';
  override readonly code = 'INSTANCE_UNAVAILABLE';
  override readonly retryable = true;
}

/** A page in place of an API answer, without ServiceNow's own headers: a hibernating instance. A person has to wake it. */
export class InstanceAsleepError extends ServiceNowError {
  override readonly name: string = 'InstanceAsleepError';
  override readonly code = 'INSTANCE_ASLEEP';
  override readonly retryable = true;
}

/** A page or a redirect of something between us and ServiceNow: single sign-on, a firewall, a proxy, a wrong address. */
export class NotServiceNowError extends ServiceNowError {
  override readonly name: string = 'NotServiceNowError';
  override readonly code = 'NOT_SERVICENOW';
}

/** The instance broke the call off (`Transaction cancelled: maximum execution time exceeded`), also inside a 200. */
export class TransactionCancelledError extends ServiceNowError {
  override readonly name: string = 'TransactionCancelledError';
  override readonly code = 'TRANSACTION_CANCELLED';
  override readonly retryable = true;
}

/** The call never reached the instance: name not found, connection refused, certificate not trusted. */
export class ConnectionFailedError extends ServiceNowError {
  override readonly name: string = 'ConnectionFailedError';
  override readonly code = 'CONNECTION_FAILED';
  override readonly retryable: boolean;

  constructor(message: string, failure: ConstructorParameters<typeof ServiceNowError>[1], retryable = true) {
    super(message, failure);
    this.retryable = retryable;
  }
}

/** The answer to a call that changes nothing was lost: reset, stalled or cut off. */
export class AnswerLostError extends ServiceNowError {
  override readonly name: string = 'AnswerLostError';
  override readonly code = 'ANSWER_LOST';
  override readonly retryable = true;
}

/** The answer to a write was lost: it may or may not have been carried out. Ask the instance before sending it again. */
export class UnknownOutcomeError extends ServiceNowError {
  override readonly name: string = 'UnknownOutcomeError';
  override readonly code = 'OUTCOME_UNKNOWN';
  override readonly retryable = true;
}

/** The answer is larger than we are willing to hold. Ask for fewer rows or fields. */
export class AnswerTooLargeError extends ServiceNowError {
  override readonly name: string = 'AnswerTooLargeError';
  override readonly code = 'ANSWER_TOO_LARGE';
}
