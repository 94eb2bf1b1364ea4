import type { Effect } from '../../aws/effect-ledger.ts';
import { InvalidInputError } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import { correlationIdOf } from '../../operations/identity.ts';
import { otherMakerMs } from '../../operations/write-ledger.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { type Done, InDoubtError } from '../disposition.ts';
import { Attempt } from './attempt.ts';
import { CreateByMatch } from './create-by-match.ts';
import { keepDeleted } from './deleted-records.ts';
import { notesIn } from './journal.ts';
import { findByCorrelationId, findRecord, listMade, longestLagMs, skewMs } from './lookup.ts';
import type { Row } from './match.ts';
import { type Meeting, meetingOf, reserveOrWait } from './meeting.ts';
import { isSysIdHonoured } from './sys-id-honouring.ts';
import { givenCorrelationId, UpsertWork } from './upsert-work.ts';
import type { CommandOf, WriteContext } from './write-context.ts';

/**
 * Updates the record that matches, or creates one. What was decided is remembered before it is sent, so that a repeat writes to
 * the same record, also when the write changed what it matched by. A new record gets a sys_id that is derived from the match
 * (see `CreateByMatch`): of two upserts that race, the primary key of the instance lets one through, and the other updates.
 * @throws InvalidInputError when more than one record matches; what a call failed with
 */
export async function upsertRecord(command: CommandOf<'upsert'>, context: WriteContext): Promise<Done> {
  return Attempt.run(command, context, async (attempt) => {
    const { table, record } = command.command;
    const notes = await notesIn(table, record, context);
    return new Upsert(new UpsertWork(attempt, command, notes)).run();
  });
}

/** A clock of the instance that differs by more is known by the `Date` of its answers. */
const smallSkewMs = 30_000;

class Upsert {
  readonly #work: UpsertWork;
  readonly #gone = new Set<string>();
  #hasSentCreate = false;

  constructor(work: UpsertWork) {
    this.#work = work;
  }

  async run(): Promise<Done> {
    const { before } = this.#work.attempt;
    const repeated = before && (await this.#repeat(before));
    if (repeated) return repeated;
    for (;;) {
      const found = await this.#work.match.find();
      if (found === undefined) return this.#create();
      const written = await this.#update(found);
      if (written) return written;
    }
  }

  /** Does again what an earlier attempt may have done. Gives nothing when that was not done and cannot be done any more. */
  async #repeat(before: Effect): Promise<Done | undefined> {
    const { write, sysId } = before;
    const { attempt, command, context, table } = this.#work;
    if (sysId === '') return this.#repeatCreateElsewhere(before);
    await context.waitForTurn(command, sysId);
    const mark = await attempt.checkRecord(sysId);
    if (mark.isDeleted) {
      if (write === 'create') await keepDeleted(table, sysId, mark, context);
      await this.#work.complete(write, sysId);
      return 'duplicate';
    }
    if (write === 'create') return new CreateByMatch(this.#work).repeat(sysId, mark);
    const presence = await findRecord(table, sysId, context);
    if (presence === 'absent') return undefined;
    const what = await this.#work.whatToRepeat(sysId);
    if (what === 'write') return this.#work.updateUnlessGone(sysId);
    if (what === 'it is another record') return undefined;
    await this.#work.complete(write, sysId);
    return 'duplicate';
  }

  /** Gives nothing when the record no longer matches, or is gone. */
  async #update(found: Row): Promise<Done | undefined> {
    const { attempt, command, context, match } = this.#work;
    const sysId = found['sys_id'] ?? '';
    await context.waitForTurn(command, sysId);
    await attempt.checkRecord(sysId);
    const now = await match.readHolder(sysId, false);
    // A list may lag behind what was written since.
    if (!now || !(match.isAsListed(now, found) || match.isMetBy(now))) return this.#moveOn(sysId);
    await attempt.announce('update', sysId);
    return (await this.#work.updateUnlessGone(sysId)) ?? this.#moveOn(sysId);
  }

  /** The list still shows a record that is gone or has changed: once more, in case others match as well. */
  #moveOn(sysId: string): undefined {
    if (this.#gone.has(sysId)) throw new StaleListError();
    this.#gone.add(sysId);
  }

  async #create(): Promise<Done> {
    await this.#checkEarlier();
    const isHonoured = await isSysIdHonoured(this.#work.command, this.#work.context);
    return isHonoured ? new CreateByMatch(this.#work).run() : this.#createElsewhere();
  }

  /**
   * Each upsert of a match that does not find what is created for it would create one more.
   * @throws InvalidInputError when that happened before, and the record was not changed since
   */
  async #checkEarlier(): Promise<void> {
    const { context, match } = this.#work;
    const { unmatched } = await context.ledger.records.of(this.#work.sysIdOf(0));
    const earlier = unmatched && (await match.readHolder(unmatched, false));
    if (earlier && earlier['sys_mod_count']?.value === '0' && !match.isMetBy(earlier))
      throw new InvalidInputError(
        'match',
        'does not find the record that was created for it: the instance stores a value differently (cut, converted or not written); give it as it is stored',
      );
  }

  /** In a table that refuses a given sys_id only the ledger keeps two upserts of one match apart. */
  async #createElsewhere(): Promise<Done> {
    const { attempt, context } = this.#work;
    const { clock, ledger } = context;
    const name = JSON.stringify(['match', this.#work.sysIdOf(0)]);
    const [isOurs, meeting] = await Promise.all([
      ledger.hold(name, attempt.name, attempt.untilMs),
      meetingOf(attempt, this.#correlationId),
    ]);
    if (!isOurs) throw new InDoubtError(otherMakerMs);
    // A look-up may lag behind what was just made; what was refused is announced no more.
    const heldMs = () => (this.#hasSentCreate && attempt.isAnnounced ? longestLagMs : otherMakerMs);
    const release = () => ledger.hold(name, attempt.name, clock.now() + heldMs());
    try {
      const done = await this.#createHeld(meeting);
      await release();
      return done;
    } catch (error) {
      if (!(error instanceof InDoubtError)) await release().catch(() => undefined);
      throw error;
    }
  }

  async #createHeld(meeting: Meeting): Promise<Done> {
    const { attempt, match } = this.#work;
    // Another one may have created it since we looked.
    const row = await match.find();
    const written = row && (await this.#update(row));
    if (written) return written;
    await reserveOrWait(meeting, attempt);
    await attempt.announce('create', '');
    this.#hasSentCreate = true;
    let found = '';
    const isMade = async () => {
      const own = await this.#findOwn();
      found = own ?? '';
      return own !== undefined;
    };
    const request = this.#work.createRequest({ correlation_id: this.#correlationId });
    const sending = attempt.send(request, undefined, isMade, meeting.release);
    const answer = await sending.catch(async (error: unknown) => {
      if (!(error instanceof ServiceNowError) || !error.recordMayExist) throw error;
      // The user may create what he may not read.
      if (error.isReadBackDenial || (await isMade())) return undefined;
      await Promise.all([meeting.release(), attempt.withdraw()]);
      throw error;
    });
    const made = (await this.#work.checkCreated(answer)) ?? found;
    await Promise.all([this.#rememberMaker(made), this.#work.complete('create', made)]);
    return 'done';
  }

  /** Gives nothing when no earlier attempt has made a record: then this one has still to be carried out. */
  async #repeatCreateElsewhere({ sentAtMs, untilMs }: Effect): Promise<Done | undefined> {
    const { attempt, context } = this.#work;
    const { maker } = await meetingOf(attempt, this.#correlationId);
    // Others with its correlation_id may have made records since the meeting let them.
    const isLast = this.#givenCorrelationId === undefined || maker === '' || maker === attempt.name;
    const own = isLast ? await this.#findOwn() : await this.#findMade(untilMs);
    const deletedAtMs =
      own === undefined && isLast ? await context.ledger.records.deletedAs(this.#correlationId) : 0;
    if (own === undefined && deletedAtMs < sentAtMs) {
      attempt.startOver();
      return undefined;
    }
    await this.#rememberMaker(own ?? '');
    await this.#work.complete('create', own ?? '');
    return 'duplicate';
  }

  /** The sys_id of the record that this message has created where the instance chooses it; empty when it is hidden. */
  async #findOwn(): Promise<string | undefined> {
    const { attempt, context, table } = this.#work;
    const found =
      this.#givenCorrelationId === undefined
        ? await findByCorrelationId(table, this.#correlationId, context, true)
        : undefined;
    if (found && found.kind !== 'no column') return found.kind === 'absent' ? undefined : (found.sysId ?? '');
    const { rows, total } = await this.#work.searchWritten();
    const sysId = rows[0]?.['sys_id'] ?? '';
    if (this.#givenCorrelationId === undefined) return total > 0 ? sysId : undefined;
    const { ledger } = context;
    if (total > 0 && (sysId === '' || (await ledger.records.claimMade(sysId, attempt.name)))) return sysId;
    return this.#findMade();
  }

  /**
   * The record of this message by its correlation_id, where its match no longer finds it, e.g. as a rule has closed it at once.
   * @param untilMs when the meeting let others in; undefined: it has not
   */
  async #findMade(untilMs?: number): Promise<string | undefined> {
    const { attempt, context, table } = this.#work;
    const window =
      untilMs === undefined ? { toleranceMs: skewMs } : { toMs: untilMs, toleranceMs: smallSkewMs };
    const during = { fromMs: attempt.firstSentAtMs, ...window };
    const { sysIds, hasHidden } = await listMade(table, this.#correlationId, during, context);
    for (const sysId of sysIds) {
      // A create that came when the meeting was over may have made it.
      if (untilMs !== undefined && !(await this.#work.mayHaveWritten(sysId))) continue;
      if (await context.ledger.records.claimMade(sysId, attempt.name)) return sysId;
    }
    // The meeting lets one message at a time make such records: a hidden one is its own.
    return hasHidden ? '' : undefined;
  }

  /** Another message with the same correlation_id must not take it for its own. */
  async #rememberMaker(sysId: string): Promise<void> {
    if (sysId === '' || this.#givenCorrelationId === undefined) return;
    await this.#work.context.ledger.records.rememberMaker(sysId, this.#work.attempt.name);
  }

  /** What a record is known by where the instance chooses its sys_id: the correlation_id that the message gives it, or its own. */
  get #correlationId(): string {
    const { command, context, table } = this.#work;
    return this.#givenCorrelationId ?? correlationIdOf(context.naming.deployment, table, command.key);
  }

  get #givenCorrelationId(): string | undefined {
    return givenCorrelationId(this.#work.command.command);
  }
}

/** The list of an instance lags behind what it holds; it will catch up. */
class StaleListError extends UnreadableAnswerError {
  override readonly name: string = 'StaleListError';

  constructor() {
    super('match: the instance returned stale data');
  }
}
