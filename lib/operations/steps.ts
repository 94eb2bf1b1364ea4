import type {
  CallContext,
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from '../servicenow/call.ts';

/** One call that a piece of work needs next. */
export type Step = {
  readonly request: ServiceNowRequest;
  /** True when it finds out what became of an earlier call; it may then use time that is kept back for that. */
  readonly settles?: boolean;
  /** The sys_id of the record that it changes. */
  readonly changes?: string;
};

/** What a step came to: an answer, or the error that a single call would have thrown. */
export type StepOutcome =
  | { readonly kind: 'answered'; readonly response: ServiceNowResponse }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * A piece of work as a row of calls, each decided by what the one before came to. Who runs it decides how the calls
 * travel: one by one, or beside those of other work in one batch request.
 */
export type Steps<Result> = Generator<Step, Result, StepOutcome>;

/** Runs work by itself, call by call. @throws what the work throws */
export async function runSteps<Result>(
  steps: Steps<Result>,
  client: ServiceNowClient,
  context: CallContext,
): Promise<Result> {
  let next = steps.next();
  while (!next.done) next = steps.next(await takeStep(next.value, client, context));
  return next.value;
}

/** Takes one step as a single call. */
async function takeStep(step: Step, client: ServiceNowClient, context: CallContext): Promise<StepOutcome> {
  try {
    return { kind: 'answered', response: await client.send(step.request, context) };
  } catch (error) {
    return { kind: 'failed', error };
  }
}
