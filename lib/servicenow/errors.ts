import type { ErrorAnswer, Scope } from '../core/errors.ts';
import { type Failure, ServiceNowError } from './service-now-error.ts';

/** 400 and any other 4xx without a kind of its own: the call itself is wrong. */
export class RequestRefusedError extends ServiceNowError {
  override readonly name: string = 'RequestRefusedError';
  override readonly code: string = 'REQUEST_REFUSED';
}

/** 400 `Invalid table`: the instance has no such table. */
export class InvalidTableError extends ServiceNowError {
  override readonly name: string = 'InvalidTableError';
  override readonly code = 'INVALID_TABLE';

  override get advice(): string {
    return 'correct the name of the table, or activate its plugin';
  }
}

/** 404: no such record, or one that the user may not see; ServiceNow does not say which. */
export class RecordNotFoundError extends ServiceNowError {
  override readonly name: string = 'RecordNotFoundError';
  override readonly code = 'RECORD_NOT_FOUND';
}

/** 403: an access control, a missing role or a read-protected field. */
export class AccessDeniedError extends ServiceNowError {
  override readonly name: string = 'AccessDeniedError';
  override readonly code = 'ACCESS_DENIED';

  override get advice(): string {
    return 'give the integration user a role that allows this';
  }
}

/** 403 `Error during insert of …`: the database refused the row, most often because its sys_id already exists. */
export class InsertRefusedError extends ServiceNowError {
  override readonly name: string = 'InsertRefusedError';
  override readonly code = 'INSERT_REFUSED';
}

/** 403 `Data Policy Exception`: mandatory fields (named by their labels) are missing or a value is not allowed. */
export class DataPolicyError extends ServiceNowError {
  override readonly name: string = 'DataPolicyError';
  override readonly code = 'DATA_POLICY';
}

/** 403 `… was aborted by Business Rule …`. */
export class BusinessRuleError extends ServiceNowError {
  override readonly name: string = 'BusinessRuleError';
  override readonly code = 'BUSINESS_RULE';
}

/** The answer is larger than the client is willing to hold. Ask for fewer rows or fields. */
export class ResponseTooLargeError extends ServiceNowError {
  override readonly name: string = 'ResponseTooLargeError';
  override readonly code = 'RESPONSE_TOO_LARGE';
  override readonly mayPassIfSmaller = true;
  override readonly ownAnswer = { status: 413, title: 'Answer too large' };
}

/** The answer to a call that changes nothing was lost or cannot be read: reset, stalled, cut off or of another shape. */
export class AnswerLostError extends ServiceNowError {
  override readonly name: string = 'AnswerLostError';
  override readonly code = 'ANSWER_LOST';
  override readonly mayPassIfSmaller = true;
  override readonly retryable = true;
  override readonly ownAnswer = { status: 503, title: 'The answer of the instance was lost' };
}

/** The answer to a write was lost: it may or may not have taken effect. Ask the instance before sending it again. */
export class UnknownOutcomeError extends ServiceNowError {
  override readonly name: string = 'UnknownOutcomeError';
  override readonly code = 'OUTCOME_UNKNOWN';
  override readonly retryable = true;
  override readonly ownAnswer = { status: 504, title: 'The outcome is not known' };
}

/** The instance cancelled the call (`Transaction cancelled: maximum execution time exceeded`), also inside a 200. */
export class TransactionCancelledError extends ServiceNowError {
  override readonly name: string = 'TransactionCancelledError';
  override readonly code = 'TRANSACTION_CANCELLED';
  override readonly mayPassIfSmaller = true;
  override readonly retryable = true;
  override readonly ownAnswer = { status: 504, title: 'The instance cancelled the call' };
}

/** 500 and 5xx without a kind of its own. */
export class InstanceError extends ServiceNowError {
  override readonly name: string = 'InstanceError';
  override readonly code: string = 'INSTANCE_ERROR';
  override readonly retryable = true;
}

/** One 401. The chain renews and re-reads before it gives up, so callers meet `CredentialsRejectedError` instead. */
export class NotAuthenticatedError extends ServiceNowError {
  override readonly name: string = 'NotAuthenticatedError';
  override readonly code = 'NOT_AUTHENTICATED';
  override readonly scope = 'instance';
}

/** Not 401: the caller's own credentials are fine, and a client that logs in again would only start over. */
const credentialsRefused: ErrorAnswer = {
  status: 502,
  title: 'The instance refuses the credentials of the deployment',
};

/**
 * The instance refuses these credentials, also after the token was renewed and the secret read again. Nothing more is
 * sent for `retryAfterMs`, so that the account is not locked.
 */
export class CredentialsRejectedError extends ServiceNowError {
  override readonly name: string = 'CredentialsRejectedError';
  override readonly code = 'CREDENTIALS_REJECTED';
  override readonly scope = 'instance';
  override readonly ownAnswer = credentialsRefused;

  override get advice(): string {
    return 'sign in by hand as this user; it must be active, not locked out, and with basic auth hold snc_basic_auth_api_access where that is restricted';
  }
}

/** 403 `Access to unscoped api is not allowed`: the OAuth token was issued without the scope `useraccount`. */
export class ScopeMissingError extends ServiceNowError {
  override readonly name: string = 'ScopeMissingError';
  override readonly code = 'SCOPE_MISSING';
  override readonly scope = 'instance';
  override readonly ownAnswer = credentialsRefused;

  override get advice(): string {
    return 'the OAuth token has an empty scope: set "scope": "useraccount" in the secret and on the OAuth application';
  }
}

/** 429: a rate limit or a full semaphore queue. */
export class ThrottledError extends ServiceNowError {
  override readonly name: string = 'ThrottledError';
  override readonly code = 'THROTTLED';
  override readonly scope = 'instance';
  override readonly retryable = true;

  override get httpStatus(): number {
    return 429;
  }
}

/** 502, 503, 504: restarting, upgrading or overloaded. */
export class InstanceUnavailableError extends ServiceNowError {
  override readonly name: string = 'InstanceUnavailableError';
  override readonly code = 'INSTANCE_UNAVAILABLE';
  override readonly scope = 'instance';
  override readonly retryable = true;
  override readonly ownAnswer = { status: 503, title: 'The instance is not available' };

  override get advice(): string {
    return 'wait until the instance is up again';
  }
}

/** A page instead of an API answer, without ServiceNow's own headers: a hibernating instance. A person has to wake it. */
export class InstanceAsleepError extends ServiceNowError {
  override readonly name: string = 'InstanceAsleepError';
  override readonly code = 'INSTANCE_ASLEEP';
  override readonly scope = 'instance';
  override readonly retryable = true;
  override readonly ownAnswer = { status: 503, title: 'The instance is asleep' };

  override get advice(): string {
    return 'wake the instance: sign in to developer.servicenow.com';
  }
}

/** A page or a redirect of something between us and ServiceNow: single sign-on, a firewall, a proxy, a wrong address. */
export class NotServiceNowError extends ServiceNowError {
  override readonly name: string = 'NotServiceNowError';
  override readonly code = 'NOT_SERVICENOW';
  override readonly scope = 'instance';
  override readonly ownAnswer = { status: 503, title: 'Something other than ServiceNow answered' };

  override get advice(): string {
    return 'check the instance URL, and that no single sign-on, firewall or proxy stands in front of /api';
  }
}

/** The call never reached the instance: name not found, connection refused, certificate not trusted. */
export class ConnectionFailedError extends ServiceNowError {
  override readonly name: string = 'ConnectionFailedError';
  override readonly code = 'CONNECTION_FAILED';
  override readonly scope: Scope = 'instance';
  override readonly retryable: boolean;
  override readonly ownAnswer = { status: 503, title: 'The instance cannot be reached' };

  /** @param retryable false when it stays so until someone changes something, e.g. a certificate */
  constructor(message: string, failure: Failure, retryable = true) {
    super(message, failure);
    this.retryable = retryable;
  }

  override get advice(): string {
    return 'check the network path: VPC, NAT, security group, proxy, NO_PROXY, certificates';
  }
}
