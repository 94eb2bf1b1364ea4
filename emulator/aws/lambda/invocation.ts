/** The largest event and the largest answer of a synchronous invocation, in bytes. */
export const maxPayloadBytes = 6_291_556;

/** One call of a function, as the runtime gets it. */
export type Invocation = {
  readonly requestId: string;
  /** JSON. */
  readonly event: Buffer;
  /** With the qualifier that the caller used, if any. */
  readonly invokedFunctionArn: string;
  /** Base64 JSON of the SDK, handed on as `context.clientContext`. */
  readonly clientContext?: string;
};

/** What a call came to. */
export type InvocationOutcome = {
  /** JSON: the handler's answer, or `{ errorType, errorMessage, … }`. */
  readonly payload: Buffer;
  /** `Unhandled` when the handler threw, the process died, time ran out or the answer was too large. */
  readonly functionError?: 'Unhandled';
};

/** A call that has ended: what it was, and when. */
export type AnsweredCall = {
  /** As in the function's log lines. */
  readonly requestId: string;
  /** JSON. */
  readonly event: Buffer;
  /** Milliseconds since the epoch; a call that had to wait for a process counts from then on. */
  readonly startedAtMs: number;
  readonly durationMs: number;
};

/** Called with what a function answered or failed with, its key, and the call. */
export type OnAnswer = (outcome: InvocationOutcome, key: string, call: AnsweredCall) => void;

/** A failed outcome in the form in which Lambda words those that the function did not word itself. */
export function failedOutcome(errorType: string, errorMessage: string): InvocationOutcome {
  return { payload: Buffer.from(JSON.stringify({ errorType, errorMessage })), functionError: 'Unhandled' };
}
