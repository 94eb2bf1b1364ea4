import { S3ServiceException } from '@aws-sdk/client-s3';
import { isStatus } from '../aws/s3.ts';
import { ConfigurationError, ConnectorError, InvalidInputError } from '../core/errors.ts';

/**
 * S3 or KMS refuses to hand out an object. A right that was taken away, or a key that was disabled, may be given back, though hardly
 * by itself: an import waits for it for minutes, not for days.
 */
export class UnreadableObjectError extends ConnectorError {
  override readonly name = 'UnreadableObjectError';
  override readonly code = 'OBJECT_UNREADABLE';
  override readonly retryable = true;
}

/** True where S3 or KMS refuses a call, of whatever kind. */
export function isDenied(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false;
  // A disabled or deleted KMS key is answered with 400.
  return isStatus(error, 403) || (isStatus(error, 400) && /^KMS/.test(error.name));
}

/**
 * What stands behind an error of reading the dropped file, or its `_import.json`.
 * @returns InvalidInputError (ConfigurationError for settings) for an archived object, UnreadableObjectError for one that may not be
 * read, else the error itself
 */
export function readErrorOf(key: string, error: unknown, isSettings = false): unknown {
  if (!(error instanceof S3ServiceException)) return error;
  const options = { cause: error };
  if (error.name === 'InvalidObjectState') {
    const reason = 'is archived; restore it, then drop the file again';
    return isSettings
      ? new ConfigurationError(key, reason, options)
      : new InvalidInputError('file', `${key} ${reason}`, options);
  }
  if (!isDenied(error)) return error;
  const what = `${key} may not be read (${error.name}: ${error.message})`;
  return new UnreadableObjectError(`${what}; see the bucket policy and the rights to its KMS key`, options);
}
