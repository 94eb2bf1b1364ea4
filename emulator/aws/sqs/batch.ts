import * as z from 'zod';
import { AwsError } from '../aws-error.ts';

/** The entries of a batch call, each with an id of its own. */
export function batchOf<Entry extends z.ZodRawShape>(entry: Entry) {
  return z.array(z.object({ Id: z.string(), ...entry }));
}

type Failed = { Id: string; Code: string; Message: string; SenderFault: boolean };
type BatchAnswer = { Successful: object[]; Failed: Failed[] };

/**
 * Runs every entry by itself; one that fails is named and stops no other.
 * @throws {AwsError} when the batch as a whole is not one
 */
export function runBatch<Entry extends { readonly Id: string }>(
  entries: readonly Entry[],
  run: (entry: Entry) => object,
): BatchAnswer {
  checkIds(entries.map(({ Id }) => Id));
  const answer: BatchAnswer = { Successful: [], Failed: [] };
  for (const entry of entries) {
    try {
      answer.Successful.push({ Id: entry.Id, ...run(entry) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      answer.Failed.push({ Id: entry.Id, Code: error.code, Message: error.message, SenderFault: true });
    }
  }
  return answer;
}

function checkIds(ids: readonly string[]): void {
  if (ids.length === 0)
    throw new AwsError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (ids.length > 10) {
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${ids.length}.`,
    );
  }
  const odd = ids.find((id) => !/^[\w-]{1,80}$/.test(id));
  if (odd !== undefined)
    throw new AwsError('InvalidBatchEntryId', 'A batch entry id must be 1 to 80 of A-Z a-z 0-9 _ -.');
  if (new Set(ids).size < ids.length)
    throw new AwsError('BatchEntryIdsNotDistinct', 'Two or more batch entries have the same Id.');
}
