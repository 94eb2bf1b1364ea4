import {
  AccessDeniedError,
  BusinessRuleError,
  DataPolicyError,
  InsertRefusedError,
  InvalidTableError,
} from '../../servicenow/errors.ts';
import type { ServiceNowError } from '../../servicenow/service-now-error.ts';
import type { LineResult } from './row-outcome.ts';

/** True when the instance refuses what all rows of an import share: the credentials, the table, the user's right to it. */
export function refusesImport(error: ServiceNowError): boolean {
  return saysNothingOfRows(error) || error instanceof AccessDeniedError || error instanceof InvalidTableError;
}

/** True when a request of many rows was refused for something in its rows: another request may be taken. */
export function refusesItsRows(error: ServiceNowError): boolean {
  return (
    error instanceof DataPolicyError ||
    error instanceof BusinessRuleError ||
    error instanceof InsertRefusedError
  );
}

/** True when a request was turned away before its rows were looked at, and will be again. */
export function saysNothingOfRows({ scope, retryable }: ServiceNowError): boolean {
  return scope === 'instance' && !retryable;
}

/** Verdicts on the lines of a request that was refused. */
export function refusedLines(error: ServiceNowError, lines: readonly number[]): LineResult[] {
  return saysNothingOfRows(error)
    ? unsentLines(lines)
    : lines.map((line) => ({ line, outcome: 'error', message: error.message }));
}

/** Verdicts on lines that were not sent after a refusal of the import. */
export function unsentLines(lines: readonly number[]): LineResult[] {
  return lines.map((line) => ({ line, outcome: 'notSent', message: 'the import had stopped' }));
}
