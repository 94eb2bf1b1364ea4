import middy, { type MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';
import type { BufferedMetrics } from './aws/telemetry.ts';
import { callerOf } from './core/caller.ts';
import type { Clock } from './core/clock.ts';
import { type Deadline, deadlineAt } from './core/clock.ts';
import { ConnectorError } from './core/errors.ts';
import { type Log, logWith, withLogFields } from './core/log.ts';
import { once } from './core/shared-work.ts';
import { toDirectError } from './gateway/direct-invoke.ts';
import type { Outcomes } from './outcomes/outcomes.ts';

/** What Lambda calls. */
export type Handler<Event = unknown, Answer = unknown> = (event: Event, context: Context) => Promise<Answer>;

/** One invocation of a function. */
export type Invocation = {
  /** Lambda's own end, less the time that reporting takes. */
  readonly deadline: Deadline;
  /** Every line carries the function and the request id. */
  readonly log: Log;
  readonly context: Context;
};

/** What a function does in an invocation. */
export type Work<Event, Answer> = {
  /** Time kept back from Lambda's own end to report the outcome, in milliseconds. */
  readonly reportingTimeMs: number;
  run(event: Event, invocation: Invocation): Promise<Answer>;
  /** The answer to an event that failed. @default throws the error by name, without its stack */
  answerError?(error: unknown, event: Event): Answer;
};

/** What the chain of a handler needs. */
export type HandlerDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: BufferedMetrics;
  readonly outcomes?: Outcomes;
};

type Chained = Context & { invocation?: Invocation };

/**
 * The one chain that every handler is made by: log context and deadline before the work, then its answer or that to its
 * error, and at the end the metrics of the invocation.
 * @param name the function's key in the template, for log lines
 * @param makeWork called by the first invocation, so that a misconfigured deployment answers with the reason
 */
export function createHandler<Event, Answer>(
  name: string,
  makeWork: () => Work<Event, Answer>,
  makeDeps: () => HandlerDeps,
): Handler<Event, Answer> {
  const work = once(makeWork);
  const deps = once(makeDeps);
  const withInvocation: MiddlewareObj<Event, Answer, Error, Chained> = {
    before({ context }) {
      const { clock, log } = deps();
      const endMs = clock.now() + context.getRemainingTimeInMillis() - work().reportingTimeMs;
      const ofInvocation = { operation: name, requestId: context.awsRequestId };
      context.invocation = { deadline: deadlineAt(endMs, clock), log: logWith(log, ofInvocation), context };
    },
  };
  const withErrorAnswer: MiddlewareObj<Event, Answer, Error, Chained> = {
    onError(request) {
      const { answerError = throwByName } = work();
      request.response = answerError(request.error, request.event);
    },
  };
  const withErrorLog: MiddlewareObj<Event, Answer, Error, Chained> = {
    onError({ error, context }) {
      const { log } = context.invocation ?? { log: logWith(deps().log, { operation: name }) };
      logError(error, log);
    },
  };
  const run = async (event: Event, { invocation }: Chained) => {
    if (invocation === undefined) throw new Error('The chain ran the work before its first link');
    return work().run(event, invocation);
  };
  const chain = middy<Event, Answer, Error, Chained>(run, {
    timeoutEarlyInMillis: 0,
    requestEnd: () => deps().metrics.flush(),
  }).use([withInvocation, withErrorAnswer, withErrorLog]);
  return async (event, context) => {
    try {
      const caller = callerOf(event)?.name;
      const fields = { requestId: context.awsRequestId, ...(caller !== undefined && { caller }) };
      return await withLogFields(fields, () => chain(event, context));
    } finally {
      await deps().outcomes?.flush();
    }
  };
}

function throwByName(error: unknown): never {
  throw toDirectError(error);
}

/** An error that we foresaw in one line, any other with its stack. */
function logError(error: unknown, log: Log): void {
  if (error instanceof ConnectorError) {
    const transactionId = 'transactionId' in error ? String(error.transactionId ?? '') : '';
    log.warn('call-failed', {
      code: error.code,
      reason: error.message,
      ...(transactionId && { transactionId }),
    });
  } else {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    log.error('unexpected-error', { reason: message, stack });
  }
}
