import type { CallContext, ServiceNowRequest } from '../call.ts';
import type { Judgement } from '../classify/judge.ts';

/** One try at a call, on its way down the chain. */
export type Attempt = {
  readonly request: ServiceNowRequest;
  readonly context: CallContext;
};

/**
 * A link of the chain: takes an attempt, gives a judged answer or throws a ServiceNowError.
 * The chain is retry → limit → authenticate → send: a retry that waits holds no place in the limiter, and each new
 * attempt carries a proof that is valid then.
 */
export type Link = (attempt: Attempt) => Promise<Judgement>;
