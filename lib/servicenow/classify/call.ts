import type { Effect } from '../../core/errors.ts';
import type { Method, Repeatable } from '../call.ts';
import {
  AnswerLostError,
  type FailedAnswer,
  type Failure,
  type ServiceNowError,
  UnknownOutcomeError,
} from '../errors.ts';

/** What the classifier has to know of a call. */
export type ClassifiedCall = {
  readonly method: Method;
  readonly path: string;
  readonly repeatable: Repeatable;
  readonly expects?: 'json' | 'bytes' | undefined;
  /** False for calls made on behalf of another, e.g. for its token: then nothing of that other call was sent. */
  readonly sent?: boolean;
};

/** True when the call changes nothing on the instance. */
export function isRead({ repeatable }: Pick<ClassifiedCall, 'repeatable'>): boolean {
  return repeatable === 'read';
}

/** What is known of the effect after this answer: a server error in reply to a write may come after the commit. */
export function effectOf(call: ClassifiedCall, uncertain: boolean): Effect {
  return uncertain && mayChangeInstance(call) ? 'unknown' : 'none';
}

/** A call on behalf of another changes nothing of that other call. */
function mayChangeInstance(call: ClassifiedCall): boolean {
  return call.sent !== false && !isRead(call);
}

/** The particulars that every error of this call carries. */
export function failureOf(
  call: ClassifiedCall,
  answer: FailedAnswer | undefined,
  more: Partial<Failure> = {},
): Failure {
  return { method: call.method, path: call.path, sent: call.sent, answer, ...more };
}

/** `POST /api/now/table/incident`: the call in one phrase, without its query, which may hold data. */
export function describeCall(call: ClassifiedCall): string {
  return `${call.method} ${call.path.replace(/\?.*$/s, '')}`;
}

/** A lost answer: after a read it can be asked for again; after a write only the instance knows. */
export function lost(
  call: ClassifiedCall,
  answer: FailedAnswer | undefined,
  what: string,
  cause?: unknown,
): ServiceNowError {
  const message = `${describeCall(call)}: ${what}`;
  if (!mayChangeInstance(call)) return new AnswerLostError(message, failureOf(call, answer, { cause }));
  const failure = failureOf(call, answer, { cause, effect: 'unknown' });
  return new UnknownOutcomeError(
    `${message}; it may have succeeded; check the instance before retrying`,
    failure,
  );
}
