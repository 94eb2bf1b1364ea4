import { ConnectorError } from '../core/errors.ts';

/** The body is in a form that we do not read. */
export class UnsupportedMediaTypeError extends ConnectorError {
  override readonly name: string = 'UnsupportedMediaTypeError';
  override readonly code = 'UNSUPPORTED_MEDIA_TYPE';
  override readonly ownAnswer = { status: 415, title: 'Unsupported media type' };

  constructor(header: string, value: string) {
    super(
      `${header}: ${value.slice(0, 100)} is not supported; send application/json in UTF-8, not compressed`,
    );
  }
}
