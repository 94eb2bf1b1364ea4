import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { ConnectorError, InvalidInputError, mayHaveTakenEffect } from '../core/errors.ts';
import type { CallContext, ServiceNowRequest } from '../servicenow/call.ts';

/** What is known of a write by its key. It holds no content of a record. */
export type KeyedWrite = {
  /** `possibly-sent`: it was about to be sent; the instance may still be working on it until `untilMs`. */
  readonly state: 'possibly-sent' | 'applied';
  /** Of the request, to recognise a key that is used again for another one. */
  readonly digest: string;
  /** When it was first about to be sent, in milliseconds since the Unix epoch. */
  readonly sentAtMs: number;
  /** From then on the instance can no longer be working on it, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** sys_id of the record that it wrote, or ids of an import; empty where unknown. */
  readonly target: string;
};

/** Remembers writes by key, across invocations. Every method throws what the place where they are kept throws. */
export type KeyedWrites = {
  read(name: string): Promise<KeyedWrite | undefined>;
  /** Remembers that a write is about to be sent. @returns false when another copy of it was faster */
  claim(name: string, write: KeyedWrite, before: KeyedWrite | undefined): Promise<boolean>;
  remember(name: string, write: KeyedWrite): Promise<void>;
  /** Forgets a write that certainly did not take effect, unless another copy of it was claimed since. @param write as it was claimed */
  forget(name: string, write: KeyedWrite): Promise<void>;
};

/** Keyed writes of one process only, for a deployment without a state table. */
export function keyedWritesInMemory(): KeyedWrites {
  const writes = new Map<string, KeyedWrite>();
  return {
    read: async (name) => writes.get(name),
    async claim(name, write, before) {
      const now = writes.get(name);
      if (now?.state !== before?.state || now?.untilMs !== before?.untilMs) return false;
      writes.set(name, write);
      return true;
    },
    remember: async (name, write) => void writes.set(name, write),
    async forget(name, write) {
      if (writes.get(name)?.untilMs === write.untilMs) writes.delete(name);
    },
  };
}

/** A key was used before for another request. */
export class KeyReusedError extends InvalidInputError {
  override readonly code = 'IDEMPOTENCY_KEY_REUSED';
  override readonly ownAnswer = { status: 422, title: 'Idempotency-Key used for another request' };

  constructor() {
    super('idempotencyKey', 'was used before with another request; a new request needs a new key');
  }
}

/**
 * It is not known whether a write took effect. While the instance may still be working on it, `retryAfterMs` says when to ask
 * again under the same key; without it, only a look at the instance shows the outcome.
 */
export class OutcomeUnknownError extends ConnectorError {
  override readonly name: string = 'UnknownOutcomeError';
  override readonly code = 'OUTCOME_UNKNOWN';
  override readonly effect = 'unknown';
  override readonly retryable: boolean;
  override readonly retryAfterMs: number | undefined;
  override readonly ownAnswer = { status: 504, title: 'The outcome is not known' };

  constructor(message: string, retryAfterMs: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.retryAfterMs = retryAfterMs;
    this.retryable = retryAfterMs !== undefined;
  }
}

/** The answer while a write may still be running: its outcome is open. */
export function outcomeInDoubt(untilMs: number, clock: Clock, cause?: unknown): OutcomeUnknownError {
  const waitMs = Math.max(1_000, untilMs - clock.now());
  const message = `the answer was lost, and the instance may still be working on it; send it again with the same Idempotency-Key in ${Math.ceil(waitMs / 1000)} s`;
  return new OutcomeUnknownError(message, waitMs, cause);
}

/** What carrying out a keyed write needs. */
export type KeyedWriteDeps = {
  readonly keyedWrites: KeyedWrites;
  readonly clock: Clock;
  readonly context: Pick<CallContext, 'deadline'>;
  /** How long an instance may work on a write after its answer was lost. */
  readonly inDoubtMs: number;
};

/** A write and what is done about its repeats. */
export type Keyed<Answer> = {
  /** The same for the same key of the same instance and table. */
  readonly name: string;
  readonly digest: string;
  /**
   * Sends it. `target` of the answer is what `replay` gets.
   * @param firstSentAtMs when an earlier copy was sent that did not take effect, in milliseconds since the Unix epoch
   * @throws ConnectorError
   */
  send(firstSentAtMs?: number): Promise<{ readonly answer: Answer; readonly target: string }>;
  /** Answers a repeat of a write that was applied. */
  replay(target: string): Promise<Answer>;
  /**
   * Finds out whether a write that was possibly sent took effect, once the instance can no longer be working on it.
   * @returns its target, `absent` when it certainly did not, `unknown` when that cannot be determined
   */
  reconcile(sentAtMs: number): Promise<{ readonly target: string } | 'absent' | 'unknown'>;
};

/**
 * Carries a write out once per key: it is remembered before it is sent, so that a repeat finds it whatever happened in between.
 * @throws KeyReusedError for a key of another request
 * @throws OutcomeUnknownError while the write may be running, or when its outcome cannot be determined
 */
export async function writeOnce<Answer>(
  keyed: Keyed<Answer>,
  { keyedWrites, clock, context, inDoubtMs }: KeyedWriteDeps,
): Promise<Answer> {
  const { name, digest } = keyed;
  const before = await keyedWrites.read(name);
  if (before && before.digest !== digest) throw new KeyReusedError();
  if (before?.state === 'applied') return keyed.replay(before.target);
  if (before && clock.now() < before.untilMs) throw outcomeInDoubt(before.untilMs, clock);
  const found = before ? await keyed.reconcile(before.sentAtMs) : 'absent';
  if (found === 'unknown')
    throw new OutcomeUnknownError(
      'cannot determine whether an earlier copy took effect; check the instance before sending it under a new key',
      undefined,
    );
  const sentAtMs = before?.sentAtMs ?? clock.now();
  // A process that dies may have sent it as late as its deadline.
  const claimed = {
    state: 'possibly-sent',
    digest,
    sentAtMs,
    untilMs: context.deadline.atMs + inDoubtMs,
    target: '',
  } as const;
  if (found !== 'absent') {
    await keyedWrites.remember(name, { ...claimed, state: 'applied', target: found.target });
    return keyed.replay(found.target);
  }
  if (!(await keyedWrites.claim(name, claimed, before))) throw outcomeInDoubt(claimed.untilMs, clock);
  // From here on the instance has spoken, and its answer counts. What cannot be remembered of it is found out by a repeat, as after
  // a death: the key was remembered before.
  const quietly = (work: Promise<void>) => work.catch(() => undefined);
  try {
    const { answer, target } = await keyed.send(before?.sentAtMs);
    await quietly(keyedWrites.remember(name, { ...claimed, state: 'applied', target }));
    return answer;
  } catch (error) {
    const untilMs = clock.now() + inDoubtMs;
    if (!mayHaveTakenEffect(error)) {
      await quietly(keyedWrites.forget(name, claimed));
      throw error;
    }
    await quietly(keyedWrites.remember(name, { ...claimed, untilMs }));
    throw outcomeInDoubt(untilMs, clock, error);
  }
}

/** Identifies a request without revealing its content. */
export function digestOfRequest({ method, path, query, body }: ServiceNowRequest): string {
  const parts = [
    method,
    path.replace(/^\/api\/now\/v\d+\//, '/api/now/'),
    [...(query ?? [])].sort(),
    body ?? null,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
