import * as z from 'zod';

const Answer = z
  .object({
    batchItemFailures: z.array(z.object({ itemIdentifier: z.string().min(1) })).nullish(),
  })
  .nullish();

/**
 * The ids that the function did not finish, or `all` when its answer cannot be trusted: not JSON, another shape, an id
 * that is empty or not of this batch. An empty answer means that every message is done.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export function unfinishedIds(payload: Buffer, batchIds: readonly string[]): ReadonlySet<string> | 'all' {
  const answer = Answer.safeParse(parseJson(payload));
  if (!answer.success) return 'all';
  const ids = (answer.data?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier);
  return ids.every((id) => batchIds.includes(id)) ? new Set(ids) : 'all';
}

function parseJson(payload: Buffer): unknown {
  if (payload.length === 0) return null;
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    // Not JSON is an answer that fits no schema.
    return 'not JSON';
  }
}
