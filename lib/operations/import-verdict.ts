import * as z from 'zod/mini';
import { ConnectorError } from '../core/errors.ts';

const verdicts = z.object({
  import_set: z.string(),
  result: z.array(
    z.object({
      status: z.string(),
      error_message: z.optional(z.string()),
      status_message: z.optional(z.string()),
    }),
  ),
});

/**
 * Why a staging row was not transformed, or undefined when no verdict in the answer is `error`. An Import Set answers
 * 201 either way (contract 4.1).
 */
export function importFailure(body: unknown): string | undefined {
  const answer = z.safeParse(verdicts, body);
  if (!answer.success) return undefined;
  const failed = answer.data.result.find(({ status }) => status === 'error');
  return failed && (failed.error_message || failed.status_message || 'the row was not transformed');
}

/** The instance took the row and failed to transform it; the message is ServiceNow's reason. */
export class ImportRowFailedError extends ConnectorError {
  override readonly name: string = 'ImportRowFailedError';
  override readonly code = 'IMPORT_ROW_FAILED';
}
