import type { FaultKind } from '../fault.ts';
import { answerInstead } from './answer-instead.ts';
import { badGateway } from './bad-gateway.ts';
import { cutBody } from './cut-body.ts';
import { errorInOk } from './error-in-ok.ts';
import { expiredToken } from './expired-token.ts';
import { hibernate } from './hibernate.ts';
import { latency } from './latency.ts';
import { redirect } from './redirect.ts';
import { resetAfterCommit, resetBeforeCommit } from './reset.ts';
import { errorAfterCommit, serverError } from './server-error.ts';
import { stall } from './stall.ts';
import { throttled } from './throttled.ts';
import { truncate } from './truncate.ts';
import { unavailable } from './unavailable.ts';

/** Every kind of fault, by the name it is asked for with. */
export const faultKinds: ReadonlyMap<string, FaultKind> = new Map(
  [
    answerInstead,
    badGateway,
    cutBody,
    errorAfterCommit,
    errorInOk,
    expiredToken,
    hibernate,
    latency,
    redirect,
    resetAfterCommit,
    resetBeforeCommit,
    serverError,
    stall,
    throttled,
    truncate,
    unavailable,
  ].map((kind) => [kind.name, kind]),
);
