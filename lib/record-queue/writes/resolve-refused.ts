import { ConnectorError } from '../../core/errors.ts';
import { AccessDeniedError, DataPolicyError } from '../../servicenow/errors.ts';
import type { ServiceNowError } from '../../servicenow/service-now-error.ts';

/** The instance does not let the record be resolved as the signal says. */
export class ResolveRefusedError extends ConnectorError {
  override readonly name: string = 'ResolveRefusedError';
  override readonly code: string;
  /** Of the record. */
  readonly sysId: string;

  /** @param cause without one the instance took the write, but left the record open */
  constructor(sysId: string, cause?: ServiceNowError) {
    if (cause === undefined) {
      super(
        'resolve.state: the instance took the write and left the record open; a rule set its state again, or the user may not write the column',
      );
      this.code = 'RESOLVE_REFUSED';
      this.sysId = sysId;
      return;
    }
    const what =
      cause instanceof DataPolicyError
        ? 'a data policy refuses to resolve the record; add the columns that it names to "resolve"'
        : cause instanceof AccessDeniedError
          ? 'the user may not resolve the record'
          : 'the instance refuses to resolve the record';
    super(`resolve: ${what} (${cause.message})`, { cause });
    this.code = cause.code;
    this.sysId = sysId;
  }
}
