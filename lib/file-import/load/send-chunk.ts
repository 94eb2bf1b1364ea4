import { insertMultiple } from '../../servicenow/import-sets.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan/import-plan.ts';

/** The result of one request. `lost`: not known; `refused`: not stored, and never will be as it is. */
export type Sent =
  | { readonly kind: 'stored'; readonly importSetId: string }
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly message: string };

const maxAttempts = 6;
const longestWaitMs = 30_000;

/**
 * Sends one body. Waits out throttling and short outages, since a refusal stored nothing.
 * @throws ServiceNowError when the instance is away for longer: nothing was stored
 */
export async function sendChunk(
  scope: ImportScope,
  plan: ImportPlan,
  body: Uint8Array,
  runAfter: string | undefined,
): Promise<Sent> {
  for (let attempt = 1; ; attempt++) {
    try {
      const options = { stagingTable: plan.request.table, records: body, runAfter };
      const { importSetId } = await insertMultiple(scope.client, options, callContext(scope));
      return { kind: 'stored', importSetId };
    } catch (error) {
      if (!(error instanceof ServiceNowError)) throw error;
      if (error.effect === 'unknown') return { kind: 'lost' };
      if (!error.retryable) return { kind: 'refused', message: error.message };
      await waitOut(scope, error, attempt);
    }
  }
}

/** Waits before the next attempt. @throws the error itself when there is to be none */
export async function waitOut(scope: ImportScope, error: ServiceNowError, attempt: number): Promise<void> {
  if (!mayWaitOut(scope, error, attempt)) throw error;
  await scope.clock.sleep(waitMs(error, attempt));
}

/** Whether another attempt after `attempt` is worth the wait in this invocation. */
export function mayWaitOut(scope: ImportScope, error: ServiceNowError, attempt: number): boolean {
  const ms = waitMs(error, attempt);
  return attempt < maxAttempts && ms <= longestWaitMs && !scope.deadline.passed(ms * 2);
}

function waitMs(error: ServiceNowError, attempt: number): number {
  return error.retryAfterMs ?? Math.min(longestWaitMs, 250 * 2 ** attempt);
}
