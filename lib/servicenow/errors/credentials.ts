import { ServiceNowError } from './servicenow-error.ts';

/** One 401. The chain renews and re-reads before it gives up, so callers meet `CredentialsRejectedError` instead. */
export class NotAuthenticatedError extends ServiceNowError {
  override readonly name: string = 'NotAuthenticatedError';
  override readonly code = 'NOT_AUTHENTICATED';
}

/**
 * The instance refuses these credentials, also after the token was renewed and the secret read again. Nothing more is
 * sent for a while, so that the account is not locked; `retryAfterMs` says for how long.
 */
export class CredentialsRejectedError extends ServiceNowError {
  override readonly name: string = 'CredentialsRejectedError';
  override readonly code = 'CREDENTIALS_REJECTED';
}
