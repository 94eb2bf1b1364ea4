import * as z from 'zod/mini';
import { ConnectorError } from '../core/errors.ts';

const message = z.optional(z.nullable(z.string()));
const failedVerdict = z.object({
  status: z.literal('error'),
  error_message: message,
  status_message: message,
});
/** Verdicts that are not errors may have any shape: a failure among them is still found. */
const verdicts = z.object({ import_set: z.string(), result: z.array(z.unknown()) });

/**
 * Why a staging row was not transformed, or undefined when no verdict in the answer is `error`. An Import Set answers
 * 201 either way (docs/servicenow-contract.md 4.1).
 */
export function importFailure(body: unknown): string | undefined {
  const answer = z.safeParse(verdicts, body);
  if (!answer.success) return undefined;
  const [failed] = answer.data.result.flatMap((one) => z.safeParse(failedVerdict, one).data ?? []);
  return failed && (failed.error_message || failed.status_message || 'the row was not transformed');
}

/** The instance took the row and failed to transform it; the message is ServiceNow's reason. */
export class ImportRowFailedError extends ConnectorError {
  override readonly name: string = 'ImportRowFailedError';
  override readonly code = 'IMPORT_ROW_FAILED';
}
