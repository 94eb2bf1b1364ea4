import { InvalidInputError, mayHaveTakenEffect } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import { parseInstanceTime } from '../../servicenow/encoded-query.ts';
import { InsertRefusedError } from '../../servicenow/errors.ts';
import { createRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { InDoubtError } from '../disposition.ts';
import { isDeliveredAgain } from '../first-sender.ts';
import { newRecord, type References } from '../life-cycle/compose.ts';
import type { Decision, Episode, TimedSignal } from '../life-cycle/decide.ts';
import { correlationIdOfKey, hashOfEvent } from '../life-cycle/mark.ts';
import type { Attempt } from './attempt.ts';
import { type Episodes, episodeFields } from './episodes.ts';
import { findRecord, skewMs } from './lookup.ts';
import { meetingOf } from './meeting.ts';
import { rememberIfIgnored } from './sys-id-honouring.ts';
import { columnOfSender, type WriteContext } from './write-context.ts';

/** The last record of a thing, as far as it has one. */
export type Found = { readonly episode: Episode | undefined };

/** Creates the next record of a thing, once, also where the user may not read it. */
export class SignalCreate {
  readonly #attempt: Attempt;
  readonly #episodes: Episodes;
  readonly #signal: TimedSignal;
  readonly #byCorrelationId: boolean;

  /** @param byCorrelationId the table refuses or ignores a given sys_id */
  constructor(attempt: Attempt, episodes: Episodes, signal: TimedSignal, byCorrelationId: boolean) {
    this.#attempt = attempt;
    this.#episodes = episodes;
    this.#signal = signal;
    this.#byCorrelationId = byCorrelationId;
  }

  /** @returns what is there instead of a new record, where another worker was faster */
  async run(
    decision: Extract<Decision, { kind: 'create' }>,
    references: References,
  ): Promise<'done' | Found> {
    const { table } = this.#attempt;
    const { mark } = decision;
    const sysId = this.#episodes.sysIdOf(mark.episode);
    const sender = columnOfSender(this.#attempt.command, this.#attempt.context);
    const columns = { ...newRecord(decision, this.#signal, references), ...sender };
    const record = this.#byCorrelationId ? columns : { ...columns, sys_id: sysId };
    const request = createRequest({ table, record, fields: episodeFields });
    if (this.#byCorrelationId) return this.#createElsewhere(request, mark.episode);
    if (await this.#isDeletedSince(sysId)) {
      await this.#attempt.complete('create', sysId);
      return 'done';
    }
    await rememberKey(this.#signal, sysId, this.#attempt.context);
    try {
      const { body, isRepeat } = await this.#attempt.context.send({ request });
      if (isRepeat) await this.#keepDeletesAway(sysId);
      const made = this.#episodes.read(body, mark.episode);
      await rememberIfIgnored(this.#attempt.command, sysId, made?.sysId, this.#attempt.context);
    } catch (error) {
      if (!(error instanceof ServiceNowError && error.recordMayExist)) throw error;
      const found = await this.#explain(error, sysId);
      if (found !== 'done') return found;
    }
    await this.#attempt.complete('create', sysId);
    return 'done';
  }

  /** A copy of this message that made the record may have died before it was remembered: then a delete has been faster than this one. */
  async #isDeletedSince(sysId: string): Promise<boolean> {
    const { command, context } = this.#attempt;
    if (!isDeliveredAgain(command.message)) return false;
    const { sentAtMs } = command.message;
    const { isDeleted, deletedAtMs, createdOn } = await context.ledger.records.now(sysId);
    if (!isDeleted || deletedAtMs < sentAtMs) return false;
    // A record from before this message is no work of a copy of it.
    const createdMs = parseInstanceTime(createdOn);
    return createdMs === undefined || createdMs >= sentAtMs - skewMs;
  }

  /** The answer was lost, or the record exists: another worker was faster, or an earlier copy of this message. */
  async #explain(error: ServiceNowError, sysId: string): Promise<'done' | Found> {
    const { command, context, table } = this.#attempt;
    const found = await this.#episodes.findLast(true);
    const isThere = found?.sysId.toLowerCase() === sysId;
    if (isThere && mayHaveTakenEffect(error)) await this.#keepDeletesAway(sysId);
    if (isThere && mayHaveTakenEffect(error) && isOwn(this.#signal, found)) return 'done';
    if (isThere) return { episode: found };
    const isHidden = (await findRecord(table, sysId, context)) === 'hidden';
    if (isHidden && mayHaveTakenEffect(error)) return 'done';
    if (mayHaveTakenEffect(error)) {
      const untilMs = context.clock.now() + context.inDoubtMs;
      await context.ledger.records.markInDoubt(sysId, untilMs, this.#attempt.name).catch(() => undefined);
      throw new InDoubtError(context.inDoubtMs, error);
    }
    // The user may create what he may not read.
    if (error.isReadBackDenial) return 'done';
    if (isHidden) {
      // An earlier attempt of this message may have made it: nothing that could be seen would show it.
      if (command.message.receiveCount > 1) return 'done';
      throw hiddenError();
    }
    if (error instanceof InsertRefusedError)
      throw new UnreadableAnswerError(
        'key: the instance refuses the record as existing, but does not show it; may the user read it?',
      );
    throw error;
  }

  /** A copy whose answer was lost may be running; it would bring back what is deleted meanwhile. */
  async #keepDeletesAway(sysId: string): Promise<void> {
    const { clock, inDoubtMs, ledger } = this.#attempt.context;
    await ledger.records.keepDeletesAway(sysId, clock.now() + inDoubtMs);
  }

  /** Nothing but the ledger keeps two creates apart where the instance chooses the sys_id. */
  async #createElsewhere(request: ServiceNowRequest, episode: number): Promise<'done' | Found> {
    return holding('episode', this.#attempt, this.#signal, () => this.#createHeld(request, episode));
  }

  async #createHeld(request: ServiceNowRequest, episode: number): Promise<'done' | Found> {
    const attempt = this.#attempt;
    // Another worker may have created it since we looked.
    const found = await this.#episodes.findLast();
    if (found && found.episode >= episode) return { episode: found };
    if (this.#episodes.hidden > 0) {
      if (attempt.before === undefined) {
        await attempt.checkCopies();
        throw hiddenError();
      }
      await attempt.complete('create', '');
      return 'done';
    }
    // An upsert that matches by the key waits for this record; a signal makes its own, whatever others make.
    const meeting = await meetingOf(attempt, correlationIdOfKey(this.#signal.key));
    const [isReserved] = await Promise.all([
      meeting.reserve(attempt.name, attempt.untilMs),
      attempt.announce('create', ''),
    ]);
    const release = async () => {
      if (isReserved) await meeting.release();
    };
    const isMade = async () =>
      ((await this.#episodes.findLast(true))?.episode ?? 0) >= episode || this.#episodes.hidden > 0;
    try {
      await attempt.send(request, undefined, isMade, release);
    } catch (error) {
      if (!(error instanceof ServiceNowError) || !error.recordMayExist) throw error;
      // The user may create what he may not read.
      if (!error.isReadBackDenial && !(await isMade())) {
        await Promise.all([release(), attempt.withdraw()]);
        throw error;
      }
    }
    await attempt.complete('create', '');
    return 'done';
  }
}

/** How long a signal waits for another one of its thing, where only the ledger keeps them apart. */
const otherWorkerMs = 5_000;

/**
 * Works on a thing while no other worker does the same.
 * @throws InDoubtError while another one does, or when its own outcome is open: then the thing stays held
 */
export async function holding<T>(
  what: 'episode' | 'thing',
  { context, table, name, untilMs }: Attempt,
  { source, key }: Pick<TimedSignal, 'source' | 'key'>,
  work: () => Promise<T>,
): Promise<T> {
  const thing = JSON.stringify([what, table.toLowerCase(), source, key]);
  if (!(await context.ledger.hold(thing, name, untilMs))) throw new InDoubtError(otherWorkerMs);
  const release = () => context.ledger.hold(thing, name, 0);
  try {
    const outcome = await work();
    await release();
    return outcome;
  } catch (error) {
    if (!(error instanceof InDoubtError)) await release().catch(() => undefined);
    throw error;
  }
}

/** The reconciler asks the source by the whole key. */
export async function rememberKey(
  { key }: TimedSignal,
  sysId: string,
  { ledger }: WriteContext,
): Promise<void> {
  if (correlationIdOfKey(key) !== key) await ledger.records.rememberSignalKey(sysId, key);
}

/** True when the record shows that this very signal was applied to it. */
export function isOwn({ eventId }: TimedSignal, found: Episode | undefined): boolean {
  return found?.mark?.events.includes(hashOfEvent(eventId)) ?? false;
}

/** True when this very signal is the last one that was applied to the record. */
export function isLast({ eventId }: TimedSignal, { mark }: Episode): boolean {
  return mark?.events[0] === hashOfEvent(eventId);
}

/** True when the thing has a record that the user may not read. */
export async function isHidden(
  { context, table }: Attempt,
  episodes: Episodes,
  byCorrelationId: boolean,
): Promise<boolean> {
  if (episodes.hidden === 0) return false;
  return byCorrelationId || (await findRecord(table, episodes.sysIdOf(1), context, false)) === 'hidden';
}

/** The error of a signal whose record the user may not see. */
export function hiddenError(): InvalidInputError {
  return new InvalidInputError('key', 'a record with this correlation_id exists that the user may not read');
}
