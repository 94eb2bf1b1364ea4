import { ConnectorError } from '../core/errors.ts';

/** The caller asks for a form of answer that we do not write. */
export class NotAcceptableError extends ConnectorError {
  override readonly name: string = 'NotAcceptableError';
  override readonly code = 'NOT_ACCEPTABLE';
  override readonly ownAnswer = { status: 406, title: 'Not acceptable' };

  constructor(accept: string) {
    super(`accept: answers are application/json only, not ${accept.slice(0, 100)}`);
  }
}
