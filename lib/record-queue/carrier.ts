import { type Step, type StepOutcome, takeStep } from '../operations/steps.ts';
import { sendBatch } from '../servicenow/batch.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { ServiceNowError } from '../servicenow/errors.ts';

/** Takes steps to an instance. */
export type Carrier = {
  /** One outcome per step, in the order given; never throws for what a step came to. */
  carry(steps: readonly Step[], context: CallContext): Promise<readonly StepOutcome[]>;
};

/** How often calls that a batch did not get to are sent in another one. */
const maxRounds = 3;

/** Takes each step as a call of its own. */
export function singleCarrier(client: ServiceNowClient): Carrier {
  return { carry: (steps, context) => Promise.all(steps.map((step) => takeStep(step, client, context))) };
}

/**
 * Takes steps through the Batch API, in one request. An instance that refuses batches as such gets single calls, from then
 * on for as long as the process lives.
 */
export function batchCarrier(client: ServiceNowClient): Carrier {
  const single = singleCarrier(client);
  let refused = false;
  return {
    async carry(steps, context) {
      if (refused || steps.length === 1) return single.carry(steps, context);
      const outcomes = await carryInBatches(client, steps, context);
      // Others may have been under way meanwhile.
      refused ||= [...outcomes.values()].some((outcome) => isDenied(outcome) && !isTooLarge(outcome));
      const left = steps.filter((step) => !outcomes.has(step) || isDenied(outcomes.get(step)));
      const singles = [...(await single.carry(left, context))];
      return steps.flatMap((step) => (left.includes(step) ? singles.shift() : outcomes.get(step)) ?? []);
    },
  };
}

function isDenied(outcome: StepOutcome | undefined): boolean {
  return outcome?.kind === 'failed' && outcome.error instanceof BatchRefused;
}

/** Then it was this batch that was refused, not the Batch API. */
function isTooLarge(outcome: StepOutcome): boolean {
  const refusal = outcome.kind === 'failed' && outcome.error instanceof BatchRefused && outcome.error.cause;
  if (!(refusal instanceof ServiceNowError)) return false;
  return refusal.status === 413 || /Rejected large/.test(refusal.message);
}

/**
 * Sends what a batch did not get to in another one: nothing of it was done, and the rest keeps its outcome. What no batch got
 * to has no outcome: one call that breaks a limit of the Batch API holds up all behind it, however often they are sent.
 */
async function carryInBatches(client: ServiceNowClient, steps: readonly Step[], context: CallContext) {
  const outcomes = new Map<Step, StepOutcome>();
  for (let round = 0; round < maxRounds && outcomes.size < steps.length; round += 1) {
    const before = outcomes.size;
    const left = steps.filter((step) => !outcomes.has(step));
    for (const [step, outcome] of await sendOnce(client, left, context)) outcomes.set(step, outcome);
    if (outcomes.size === before) break;
  }
  return outcomes;
}

async function sendOnce(client: ServiceNowClient, steps: readonly Step[], context: CallContext) {
  const outcomes = await sendBatch(
    client,
    steps.map(({ request }) => request),
    context,
  ).catch((error: unknown) => steps.map(() => failed(error)));
  return steps.flatMap((step, index) => {
    const outcome = outcomes[index];
    return outcome === undefined || outcome.kind === 'unserviced' ? [] : [[step, outcome] as const];
  });
}

function failed(error: unknown): StepOutcome {
  return { kind: 'failed', error: isRefusal(error) ? new BatchRefused(error) : error };
}

/** Marks that the request for a batch was refused, not the calls in it. */
class BatchRefused {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ServiceNowError && error.isRefusal;
}
