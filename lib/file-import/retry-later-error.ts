import { ConnectorError } from '../core/errors.ts';

/** A step broke off on purpose: what it did so far is kept, and it goes on after `delaySeconds` without computing until then. */
export class RetryLaterError extends ConnectorError {
  override readonly name = 'RetryLaterError';
  override readonly code = 'RETRY_LATER';
  override readonly retryable = true;
  readonly delaySeconds: number;

  constructor(reason: string, delaySeconds: number, options?: { cause?: unknown }) {
    super(reason, options);
    this.delaySeconds = Math.max(1, Math.ceil(delaySeconds));
  }
}
