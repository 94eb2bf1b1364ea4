/**
 * The decision table of docs/events.md ("What a signal does"), written down a second time and as plainly as possible. It shares no
 * code with the function, so that each checks the other.
 */

export type Phase = 'open' | 'resolved' | 'closed';

/** A record as the instance shows it after a write. */
export type Seen = {
  readonly sysId: string;
  readonly phase: Phase;
  /** In whole seconds, as the instance reports it; undefined while the record is open. */
  readonly endedAtMs: number | undefined;
  readonly isAssigned: boolean;
  readonly episode: number;
  /** Time of the last applied state. */
  readonly atMs: number;
  readonly last: string;
  /** Until when the write of that state may have taken effect; not a number where it did not resolve the record. */
  readonly resolvedUntilMs: number;
  readonly reopens: number;
  /** Hashes of the last applied events, the newest first. */
  readonly hashes: readonly string[];
};

/** One event as its source means it, however often it is delivered. */
export type Signal = {
  readonly key: string;
  readonly kind: 'open' | 'update' | 'note' | 'resolve' | 'ignore';
  readonly atMs: number;
  readonly hash: string;
  /** Under which the reconciler reports the same. */
  readonly reconciledHash?: string;
  readonly withinMs: number;
  readonly atMost: number;
  readonly isHeldWhileAssigned: boolean;
  readonly isNotedOnResolved: boolean;
};

export type Effect = 'nothing' | 'create' | 'update' | 'note' | 'hold' | 'resolve' | 'reopen';

/**
 * @param last the last record of the key
 * @param isContinuing the event was just written to a record that a person ended meanwhile: it is decided on once more
 */
export function effectOf(signal: Signal, last: Seen | undefined, isContinuing = false): Effect {
  const { kind } = signal;
  if (kind === 'ignore') return 'nothing';
  if (last === undefined) return kind === 'open' ? 'create' : 'nothing';
  if (!isContinuing && isOld(signal, last)) return 'nothing';
  if (kind === 'open') return last.phase === 'open' ? 'update' : isInTime(signal, last) ? 'reopen' : 'create';
  if (kind === 'resolve')
    return last.phase === 'open' ? (isHeld(signal, last) ? 'hold' : 'resolve') : 'nothing';
  if (last.phase === 'open') return kind;
  return signal.isNotedOnResolved && isInTime(signal, last) ? 'note' : 'nothing';
}

function isOld({ kind, hash, reconciledHash, atMs }: Signal, last: Seen): boolean {
  if (last.hashes.includes(hash) || atMs < last.atMs) return true;
  // The source and the reconciler report one recovery under different names.
  const isReconciled = last.last === 'resolved' || last.hashes.includes(reconciledHash ?? '');
  if (kind === 'resolve' && atMs === last.atMs && last.last !== 'broken' && isReconciled) return true;
  return isEndedByPerson(last) && atMs < (last.endedAtMs ?? 0);
}

function isEndedByPerson({ phase, last, endedAtMs = 0, resolvedUntilMs }: Seen): boolean {
  return phase !== 'open' && (last !== 'resolved' || endedAtMs > resolvedUntilMs);
}

function isInTime({ atMs, withinMs }: Signal, last: Seen): boolean {
  const endMs = isEndedByPerson(last) ? (last.endedAtMs ?? 0) : last.atMs;
  return last.phase === 'resolved' && atMs - endMs <= withinMs;
}

function isHeld({ isHeldWhileAssigned, atMost, atMs, withinMs }: Signal, last: Seen): boolean {
  const isQuiet = last.last === 'held' && atMs - last.atMs >= withinMs;
  return (isHeldWhileAssigned && last.isAssigned) || (last.reopens >= atMost && !isQuiet);
}

/** True when a record, as it is after a write, shows this effect of an event. @param before the record before the write */
export function shows(effect: Effect, signal: Signal, before: Seen | undefined, after: Seen): boolean {
  // A note is no state, so that the time of the last one stays.
  const atMs = effect === 'note' ? before?.atMs : signal.atMs;
  if (after.hashes[0] !== signal.hash || after.atMs !== atMs) return false;
  if (effect === 'create')
    return (
      after.sysId !== before?.sysId &&
      after.episode === (before?.episode ?? 0) + 1 &&
      after.phase === 'open' &&
      after.last === 'broken' &&
      after.reopens === 0
    );
  if (effect === 'nothing' || before?.sysId !== after.sysId || before.episode !== after.episode) return false;
  const [phase, last, reopens] = {
    update: [before.phase, signal.kind === 'open' ? 'broken' : before.last, before.reopens] as const,
    note: [before.phase, before.last, before.reopens] as const,
    hold: [before.phase, 'held', before.reopens] as const,
    resolve: ['resolved', 'resolved', before.reopens] as const,
    reopen: ['open', 'broken', before.reopens + 1] as const,
  }[effect];
  return after.phase === phase && after.last === last && after.reopens === reopens;
}
