import type { Effect } from '../../core/errors.ts';
import type { FailedAnswer, Failure } from '../errors.ts';
import type { Method } from '../request.ts';

/** The call an answer belongs to, as far as judging it goes. */
export type JudgedCall = {
  readonly method: Method;
  readonly path: string;
  readonly expects?: 'json' | 'bytes' | undefined;
  /** False for calls made on behalf of another, e.g. for its token: then nothing of that other call was sent. */
  readonly sent?: boolean;
};

/** True when the call changes nothing on the instance. */
export function isRead(method: Method): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** True when the call may change the instance. One made on behalf of another, e.g. for its token, changes nothing of that other call. */
export function changesInstance(call: JudgedCall): boolean {
  return call.sent !== false && !isRead(call.method);
}

/** What is known about a call that got this answer: a server error in reply to a write may come after the commit. */
export function effectOf(call: JudgedCall, uncertain: boolean): Effect {
  return uncertain && changesInstance(call) ? 'unknown' : 'none';
}

/** The particulars that every error of this call carries. */
export function failureOf(
  call: JudgedCall,
  answer: FailedAnswer | undefined,
  more: Partial<Failure> = {},
): Failure {
  return { method: call.method, path: call.path, sent: call.sent, answer, ...more };
}

/** `POST /api/now/table/incident`: the call in one phrase, without its query, which may hold data. */
export function describeCall(call: JudgedCall): string {
  return `${call.method} ${call.path.replace(/\?.*$/s, '')}`;
}
