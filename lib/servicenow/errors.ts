import type { ErrorAnswer } from '../core/errors.ts';
import { type Failure, kind } from './service-now-error.ts';

/** 400 and any other 4xx without a kind of its own: the call itself is wrong. */
export class RequestRefusedError extends kind('RequestRefusedError', 'REQUEST_REFUSED') {}

/** 400 `Invalid table`: the instance has no such table. */
export class InvalidTableError extends kind('InvalidTableError', 'INVALID_TABLE', {
  advice: 'correct the name of the table, or activate its plugin',
}) {}

/** 404: no such record, or one that the user may not see; ServiceNow does not say which. */
export class RecordNotFoundError extends kind('RecordNotFoundError', 'RECORD_NOT_FOUND') {}

/** 403: an access control, a missing role or a read-protected field. */
export class AccessDeniedError extends kind('AccessDeniedError', 'ACCESS_DENIED', {
  advice: 'give the integration user a role that allows this',
}) {}

/** 403 `Error during insert of …`: the database refused the row, most often because its sys_id already exists. */
export class InsertRefusedError extends kind('InsertRefusedError', 'INSERT_REFUSED') {}

/** 403 `Data Policy Exception`: mandatory fields (named by their labels) are missing or a value is not allowed. */
export class DataPolicyError extends kind('DataPolicyError', 'DATA_POLICY') {}

/** 403 `… was aborted by Business Rule …`. */
export class BusinessRuleError extends kind('BusinessRuleError', 'BUSINESS_RULE') {}

/** The answer is larger than the client is willing to hold. Ask for fewer rows or fields. */
export class ResponseTooLargeError extends kind('ResponseTooLargeError', 'RESPONSE_TOO_LARGE', {
  mayPassIfSmaller: true,
  ownAnswer: { status: 413, title: 'Answer too large' },
}) {}

/** The answer to a call that changes nothing was lost or cannot be read: reset, stalled, cut off or of another shape. */
export class AnswerLostError extends kind('AnswerLostError', 'ANSWER_LOST', {
  mayPassIfSmaller: true,
  retryable: true,
  ownAnswer: { status: 503, title: 'The answer of the instance was lost' },
}) {}

/** The answer to a write was lost: it may or may not have taken effect. Ask the instance before sending it again. */
export class UnknownOutcomeError extends kind('UnknownOutcomeError', 'OUTCOME_UNKNOWN', {
  retryable: true,
  ownAnswer: { status: 504, title: 'The outcome is not known' },
}) {}

/** The instance cancelled the call (`Transaction cancelled: maximum execution time exceeded`), also inside a 200. */
export class TransactionCancelledError extends kind('TransactionCancelledError', 'TRANSACTION_CANCELLED', {
  mayPassIfSmaller: true,
  retryable: true,
  ownAnswer: { status: 504, title: 'The instance cancelled the call' },
}) {}

/** 500 and 5xx without a kind of its own. */
export class InstanceError extends kind('InstanceError', 'INSTANCE_ERROR', { retryable: true }) {}

/** One 401. The chain renews and re-reads before it gives up, so callers meet `CredentialsRejectedError` instead. */
export class NotAuthenticatedError extends kind('NotAuthenticatedError', 'NOT_AUTHENTICATED', {
  scope: 'instance',
}) {}

/** Not 401: the caller's own credentials are fine, and a client that logs in again would only start over. */
const credentialsRefused: ErrorAnswer = {
  status: 502,
  title: 'The instance refuses the credentials of the deployment',
};

/**
 * The instance refuses these credentials, also after the token was renewed and the secret read again. Nothing more is
 * sent for `retryAfterMs`, so that the account is not locked.
 */
export class CredentialsRejectedError extends kind('CredentialsRejectedError', 'CREDENTIALS_REJECTED', {
  scope: 'instance',
  ownAnswer: credentialsRefused,
  advice:
    'sign in as this user in a browser; it must be active, not locked out, and with basic auth hold snc_basic_auth_api_access where that is restricted',
}) {}

/** 403 `Access to unscoped api is not allowed`: the OAuth token was issued without the scope `useraccount`. */
export class ScopeMissingError extends kind('ScopeMissingError', 'SCOPE_MISSING', {
  scope: 'instance',
  ownAnswer: credentialsRefused,
  advice:
    'the OAuth token has an empty scope: set "scope": "useraccount" in the secret and on the OAuth application',
}) {}

/** 429: a rate limit or a full semaphore queue. */
export class ThrottledError extends kind('ThrottledError', 'THROTTLED', {
  scope: 'instance',
  retryable: true,
}) {
  override get httpStatus(): number {
    return 429;
  }
}

/** 502, 503, 504: restarting, upgrading or overloaded. */
export class InstanceUnavailableError extends kind('InstanceUnavailableError', 'INSTANCE_UNAVAILABLE', {
  scope: 'instance',
  retryable: true,
  ownAnswer: { status: 503, title: 'The instance is not available' },
  advice: 'wait until the instance is up again',
}) {}

/** A page instead of an API answer, without ServiceNow's own headers: a hibernating instance. A person has to wake it. */
export class InstanceAsleepError extends kind('InstanceAsleepError', 'INSTANCE_ASLEEP', {
  scope: 'instance',
  retryable: true,
  ownAnswer: { status: 503, title: 'The instance is asleep' },
  advice: 'wake the instance: sign in to developer.servicenow.com',
}) {}

/** A page or a redirect of something between us and ServiceNow: single sign-on, a firewall, a proxy, a wrong address. */
export class NotServiceNowError extends kind('NotServiceNowError', 'NOT_SERVICENOW', {
  scope: 'instance',
  ownAnswer: { status: 503, title: 'Something other than ServiceNow answered' },
  advice: 'check the instance URL, and that no single sign-on, firewall or proxy stands in front of /api',
}) {}

/** The call never reached the instance: name not found, connection refused, certificate not trusted. */
export class ConnectionFailedError extends kind('ConnectionFailedError', 'CONNECTION_FAILED', {
  scope: 'instance',
  ownAnswer: { status: 503, title: 'The instance cannot be reached' },
  advice: 'check the network path: VPC, NAT, security group, proxy, NO_PROXY, certificates',
}) {
  override readonly retryable: boolean;

  /** @param retryable false when it stays so until someone changes something, e.g. a certificate */
  constructor(message: string, failure: Failure, retryable = true) {
    super(message, failure);
    this.retryable = retryable;
  }
}
