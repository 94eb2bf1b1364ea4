import { ConnectorError } from '../core/errors.ts';

/** An expression of a mapping file failed on an event: dead-lettered, as it would fail again. */
export class ExpressionError extends ConnectorError {
  override readonly name: string = 'ExpressionError';
  override readonly code = 'EXPRESSION_FAILED';

  /** @param path of the part of the mapping file, e.g. `fields.impact` */
  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`);
  }
}
