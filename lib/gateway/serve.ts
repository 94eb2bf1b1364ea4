import middy, { type MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';
import type { Clock } from '../core/clock.ts';
import { deadlineAt } from '../core/deadline.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { IdentityOf } from '../operations/identity.ts';
import type { Operation, TableParameters } from '../operations/operation.ts';
import { type Connect, carryOut } from './carry-out.ts';
import { directDoor } from './direct-door.ts';
import type { Door } from './door.ts';
import { isHttpEvent } from './event.ts';
import { httpDoor } from './http-door.ts';
import { logFailures } from './log-failures.ts';

/** The world around a function that serves an operation. */
export type Surroundings = {
  readonly connect: Connect;
  /** How records that are created once are known. */
  readonly identityOf: IdentityOf;
  readonly clock: Clock;
  readonly log: Log;
  /** Figures of an invocation are written at its end. */
  readonly metrics: Metrics & { flush(): void };
};

/** What Lambda calls. It answers an HTTP event with an HTTP answer and a direct Invoke with plain data. */
export type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** Kept back from Lambda's own deadline, so that there is time left to say that ours has passed. */
const reportingTimeMs = 500;

/**
 * The handler of a function that serves one operation, to API Gateway (HTTP API, payload format 2.0) and to direct
 * Invokes alike.
 */
export function serve<P extends TableParameters>(
  operation: Operation<P>,
  surroundings: Surroundings,
): Handler {
  const { clock, log, metrics } = surroundings;
  const carryOutBy = async (door: Door, context: Context) => {
    const endMs = clock.now() + context.getRemainingTimeInMillis() - reportingTimeMs;
    const response = await carryOut(operation, door.read(), surroundings, deadlineAt(endMs, clock));
    if (response.headers['idempotency-replayed'] === 'true') metrics.add('Deduplicated');
    return response;
  };
  const chain = middy<Door, unknown>(carryOutBy, {
    timeoutEarlyInMillis: 0,
    requestEnd: () => metrics.flush(),
  })
    .use(answerThroughDoor)
    .use(logFailures(operation.name, log));
  return (event, context) =>
    chain(isHttpEvent(event) ? httpDoor(event, operation) : directDoor(event), context);
}

/** Sends the outcome out by the door that the call came in through. */
const answerThroughDoor: MiddlewareObj<Door> = {
  async after(request) {
    request.response = await request.event.answer(request.response);
  },
  onError(request) {
    request.response = request.event.fail(request.error);
  },
};
