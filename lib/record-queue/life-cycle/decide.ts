import { reconciledId } from '../../operations/event-id.ts';
import { durationMs, type Signal } from '../../operations/signal.ts';
import { hashOfEvent, hashOfNote, type Mark } from './mark.ts';

/** The last record of a key, as the instance shows it. */
export type Episode = {
  readonly episode: number;
  readonly sysId: string;
  readonly number: string;
  readonly phase: Phase;
  /** When it was resolved or closed, in milliseconds since the Unix epoch. */
  readonly endedAtMs: number | undefined;
  readonly isAssigned: boolean;
  /** Undefined when a person or a rule overwrote it. */
  readonly mark: Mark | undefined;
};

/** What a signal does to the record of its key. */
export type Decision =
  /** Nothing is written. */
  | { readonly kind: 'nothing'; readonly verdict: 'duplicate' | 'stale' | 'ignored'; readonly reason: string }
  /** A new record. */
  | { readonly kind: 'create'; readonly mark: Mark; readonly after: Episode | undefined }
  /** One update of the current record. */
  | {
      readonly kind: 'write';
      readonly what: 'update' | 'note' | 'resolve' | 'reopen';
      readonly mark: Mark;
      /** Added to the note of the signal. */
      readonly remark?: string;
      /** The last state of the record said the same: its note is not written again. */
      readonly isSaid?: boolean;
    };

/** A signal with the time that counts for it, and until when a write of it may take effect. */
export type TimedSignal = Signal & { readonly atMs: number; readonly untilMs?: number };

/**
 * The decision table of docs/events.md. Pure.
 * @param current the last record of the key; undefined when there is none
 * @param isContinuing true when this signal was just written and the record changed under it
 */
export function decide(signal: TimedSignal, current: Episode | undefined, isContinuing = false): Decision {
  if (current === undefined)
    return signal.signal === 'open'
      ? { kind: 'create', mark: firstMark(signal, 1), after: undefined }
      : nothing('ignored', 'there is no record');
  const repeated = isContinuing ? undefined : repetition(signal, current);
  if (repeated) return repeated;
  switch (signal.signal) {
    case 'open':
      return open(signal, current);
    case 'resolve':
      return resolve(signal, current);
    case 'update':
    case 'note':
      return note(signal, current);
  }
}

function nothing(verdict: 'duplicate' | 'stale' | 'ignored', reason: string): Decision {
  return { kind: 'nothing', verdict, reason };
}

/** Equal times with different ids are applied: EventBridge gives whole seconds. */
function repetition(signal: TimedSignal, current: Episode): Decision | undefined {
  const { eventId, atMs } = signal;
  const { mark } = current;
  if (mark?.events.includes(hashOfEvent(eventId)))
    return nothing('duplicate', 'this event was applied before');
  if (mark && atMs < mark.atMs) return nothing('stale', 'a later state was applied before');
  if (mark && isSameRecovery(signal, mark)) return nothing('duplicate', 'this recovery was applied before');
  const endMs = endByPerson(current);
  // The instance gives whole seconds.
  if (endMs !== undefined && atMs < endMs) return nothing('stale', 'the record was ended after it');
  return undefined;
}

/** When a person ended the record; undefined while it is open, or where a signal did and no person since. */
function endByPerson({ phase, mark, endedAtMs }: Episode): number | undefined {
  if (phase === 'open' || endedAtMs === undefined) return undefined;
  if (mark?.last !== 'resolved') return endedAtMs;
  return mark.untilMs !== undefined && endedAtMs > mark.untilMs ? endedAtMs : undefined;
}

/**
 * The source and the reconciler report one recovery under different ids. What it did to the record is done: a person who opened the
 * record again knows more. Only a recovery that was held back may still resolve it, once the reconciler has seen it last.
 */
function isSameRecovery({ signal, atMs, eventId, confirmed }: TimedSignal, mark: Mark): boolean {
  if (signal !== 'resolve' || atMs !== mark.atMs) return false;
  if (mark.last !== 'held' || confirmed !== undefined) return mark.last === 'resolved';
  // Anything else of this time is news, e.g. the second page of a message.
  return mark.events.includes(hashOfEvent(reconciledId(eventId)));
}

function open(signal: TimedSignal, current: Episode): Decision {
  const mark = nextMark(signal, current, 'broken');
  if (current.phase === 'open')
    return { kind: 'write', what: 'update', mark, isSaid: isSaid(signal, current) };
  if (isReopened(signal, current))
    return { kind: 'write', what: 'reopen', mark: { ...mark, reopens: mark.reopens + 1 } };
  return { kind: 'create', mark: firstMark(signal, current.episode + 1), after: current };
}

function isReopened(signal: TimedSignal, current: Episode): boolean {
  const { within, state } = signal.reopen ?? {};
  if (current.phase !== 'resolved' || within === undefined || state === undefined) return false;
  const endMs = endByPerson(current) ?? current.mark?.atMs;
  return endMs !== undefined && signal.atMs - endMs <= durationMs(within);
}

function note(signal: TimedSignal, current: Episode): Decision {
  const mark = notedMark(signal, current);
  if (current.phase === 'open' && signal.signal === 'update')
    return {
      ...{ kind: 'write', what: 'update', mark: nextMark(signal, current, mark.last) },
      isSaid: isSaid(signal, current),
    };
  if (current.phase === 'open') return { kind: 'write', what: 'note', mark };
  const isWanted = typeof signal.note === 'object' && signal.note.onResolved === true;
  if (isWanted && isReopened(signal, current)) return { kind: 'write', what: 'note', mark };
  return nothing('ignored', `the record is ${current.phase}`);
}

function resolve(signal: TimedSignal, current: Episode): Decision {
  if (current.phase !== 'open') return nothing('ignored', `the record is ${current.phase}`);
  const held = whyHeld(signal, current);
  if (held === undefined)
    return { kind: 'write', what: 'resolve', mark: nextMark(signal, current, 'resolved') };
  // The reconciler asks again and again; its question is no news.
  if (signal.confirmed !== undefined && current.mark?.last === 'held') return nothing('ignored', held);
  return { kind: 'write', what: 'note', mark: nextMark(signal, current, 'held'), remark: held };
}

/** Why a recovery does not resolve the record; undefined when it does. */
function whyHeld({ resolve: columns = {}, reopen = {}, confirmed, atMs }: TimedSignal, current: Episode) {
  const { isAssigned, mark } = current;
  if (!Object.hasOwn(columns, 'state')) return 'The source has recovered.';
  if (columns.unless === 'assigned' && isAssigned)
    return 'The source has recovered. The record is assigned, so it is not resolved automatically.';
  const { atMost, within = 'PT4H' } = reopen;
  if (atMost === undefined || (mark?.reopens ?? 0) < atMost) return undefined;
  // Quiet for so long: by the word of the source now, or by a second recovery without a failure in between.
  const quietAtMs = confirmed ? Date.parse(confirmed) : mark?.last === 'held' ? atMs : 0;
  if (mark && quietAtMs - mark.atMs >= durationMs(within)) return undefined;
  return `The source has recovered. The record was reopened ${mark?.reopens ?? 0} times, so it stays open until the source has been quiet for ${within}.`;
}

/** A source that reports a state again and again says nothing new; after a recovery it does. */
function isSaid(signal: TimedSignal, { mark }: Episode): boolean {
  const note = noteOf(signal);
  return note !== undefined && mark?.said === hashOfNote(note);
}

/** The note of a signal, however it is given. */
export function noteOf({ note: given }: Signal): string | undefined {
  return typeof given === 'object' ? given.text : given;
}

function saidBy(signal: TimedSignal, before: Mark | undefined): Pick<Mark, 'said'> {
  if (signal.signal === 'resolve') return {};
  const text = signal.signal === 'note' ? undefined : noteOf(signal);
  const said = text === undefined ? before?.said : hashOfNote(text);
  return said === undefined ? {} : { said };
}

function firstMark(signal: TimedSignal, episode: number): Mark {
  const { source, atMs, eventId } = signal;
  const said = saidBy(signal, undefined);
  return { source, episode, atMs, last: 'broken', reopens: 0, ...said, events: [hashOfEvent(eventId)] };
}

function nextMark(signal: TimedSignal, { episode, mark }: Episode, last: Mark['last']): Mark {
  const { source, eventId, atMs } = signal;
  const untilMs = signal.signal === 'resolve' ? signal.untilMs : mark?.untilMs;
  const hash = hashOfEvent(eventId);
  const before = (mark?.events ?? []).filter((one) => one !== hash);
  return {
    ...{ source, episode, atMs, last, reopens: mark?.reopens ?? 0, events: [hash, ...before] },
    ...saidBy(signal, mark),
    ...(last === 'resolved' && untilMs !== undefined && { untilMs }),
  };
}

/** A note is no state: a recovery from before it, which comes late, still counts. */
function notedMark(signal: TimedSignal, current: Episode): Mark {
  const next = nextMark(signal, current, current.mark?.last ?? 'broken');
  return { ...next, atMs: current.mark?.atMs ?? next.atMs };
}

/** Where a record is in its life: only an open one is written to, only a resolved one is opened again. */
export type Phase = 'open' | 'resolved' | 'closed';

/** The states of a table that end a record; every other one is open while the record is active. */
type Life = { readonly resolved: readonly string[]; readonly closed: readonly string[] };

const lives: Readonly<Record<string, Life>> = {
  incident: { resolved: ['6'], closed: ['7', '8'] },
  sn_si_incident: { resolved: ['100'], closed: ['3', '7'] },
  problem: { resolved: ['106'], closed: ['107'] },
  // In review (0) people still work on a change.
  change_request: { resolved: [], closed: ['3', '4'] },
};

/** Tables whose records have states that a signal can move. */
export const tablesWithLife: readonly string[] = Object.keys(lives);

/** @param row columns `state` and `active` as they are stored */
export function phaseOf(table: string, row: { readonly state: string; readonly active: string }): Phase {
  const name = table.toLowerCase();
  const life = Object.hasOwn(lives, name) ? lives[name] : undefined;
  if (life?.resolved.includes(row.state)) return 'resolved';
  return life?.closed.includes(row.state) || row.active === 'false' ? 'closed' : 'open';
}
