import * as z from 'zod/mini';
import type { RecordMark } from '../../aws/record-marks.ts';
import { InvalidInputError } from '../../core/errors.ts';
import { otherMakerMs } from '../../operations/write-ledger.ts';
import { parseInstanceTime } from '../../servicenow/encoded-query.ts';
import { InsertRefusedError } from '../../servicenow/errors.ts';
import { getRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { type Done, InDoubtError } from '../disposition.ts';
import { awaitEarlierCopy } from './deleted-records.ts';
import { checkLag, findRecord, isCreatedSince, skewMs } from './lookup.ts';
import type { Holder } from './match.ts';
import { rememberIfIgnored } from './sys-id-honouring.ts';
import type { UpsertWork } from './upsert-work.ts';

/** The number of an earlier attempt's sys_id is not remembered. */
const numberUnknown = -1;
/** How many numbers of a match are looked at in one request, and at most behind the last one that is known. */
const numbersAtOnce = 16;
const mostNumbers = 4_096;
/** How often it looks for the other one's record before that, and after how long each time. */
const mostLooks = 5;
const lookEveryMs = 250;
/** How often it may be overtaken between a look and its reservation. */
const mostTries = 4;

const createdOnAnswer = z.object({ result: z.object({ sys_created_on: z.string() }) });

/**
 * Creates the record of an upsert under a sys_id that is derived from the match and a number, or updates the one that another
 * upsert of the same match has just created there. The number grows with each record of the match that no longer matches or
 * that we deleted. Only one upsert of the match at a time may create under a sys_id, so that each knows its own after a lost
 * answer.
 */
export class CreateByMatch {
  readonly #work: UpsertWork;

  constructor(work: UpsertWork) {
    this.#work = work;
  }

  async run(): Promise<Done> {
    // Looked at before anything is remembered: after a crash, a record under the sys_id is then this message's own.
    const first = await this.#stateOf(0);
    return first.isFree ? this.#createUnder(first.sysId, 0) : this.#createUnderNext(0);
  }

  /**
   * Does again what an earlier attempt may have done. Gives nothing when another upsert of the match has created the record
   * since: then this one has still to be carried out.
   */
  async repeat(sysId: string, mark: RecordMark): Promise<Done | undefined> {
    const { attempt, context, match } = this.#work;
    const { name, untilMs } = attempt;
    if (mark.maker !== '' && mark.maker !== name) return undefined;
    const made = await this.#whatIsMade(sysId);
    // The instance may have created it under another sys_id.
    if (made === 'nothing') return (await match.find()) ? undefined : this.#createUnder(sysId, numberUnknown);
    if (made === 'older') return undefined;
    // The mark was read a while ago: another upsert may have taken the sys_id over since.
    if (!(await context.ledger.records.reserve(sysId, name, untilMs, mark))) {
      const { isDeleted } = await context.ledger.records.now(sysId);
      return isDeleted ? this.#afterDelete(sysId, numberUnknown) : undefined;
    }
    await this.#work.complete('create', sysId);
    return 'duplicate';
  }

  /**
   * @param number of the sys_id; `numberUnknown` for that of an earlier attempt
   * @param tries how often others were faster since it looked
   */
  async #createUnder(sysId: string, number: number, tries = 0): Promise<Done> {
    if (tries === mostTries) throw new InDoubtError(otherMakerMs);
    const { attempt, command, context } = this.#work;
    const { ledger } = context;
    const { name, untilMs } = attempt;
    await context.waitForTurn(command, sysId);
    const mark = await attempt.checkRecord(sysId);
    if (mark.isDeleted) return this.#afterDelete(sysId, number);
    if (mark.maker !== '' && mark.maker !== name) {
      // Its record may have been deleted since the batch began.
      if ((await ledger.records.now(sysId)).isDeleted) return this.#createUnder(sysId, number, tries + 1);
      const holder = await this.#waitForMaker(sysId, mark.makerUntilMs);
      if (holder) return this.#useHolder(holder, sysId, number);
      if ((await findRecord(this.#work.table, sysId, context)) === 'hidden')
        return this.#passHidden(sysId, number, mark);
    }
    if (!(await ledger.records.reserve(sysId, name, untilMs, mark)))
      return this.#createUnder(sysId, number, tries + 1);
    await attempt.announce('create', sysId);
    const request = this.#work.createRequest({ sys_id: sysId });
    let made: string | undefined;
    try {
      const isMade = async () => (await this.#whatIsMade(sysId)) === 'own';
      const answer = await attempt.send(request, sysId, isMade);
      made = await this.#work.checkCreated(answer);
      if (!answer || answer.isRepeat) await awaitEarlierCopy(sysId, true, undefined, context);
    } catch (error) {
      if (!(error instanceof ServiceNowError) || error.effect === 'unknown') throw error;
      if (!error.recordMayExist) {
        await ledger.records.release(sysId, name, untilMs);
        throw error;
      }
      const isRepeat = mark.maker === name || error.attempts > 1;
      return this.#afterRefusal(sysId, number, error, isRepeat);
    }
    await rememberIfIgnored(command, sysId, made, context);
    if (number > 0) await ledger.records.rememberNumber(this.#work.sysIdOf(0), number);
    await this.#work.complete('create', made ?? sysId);
    return 'done';
  }

  /** One of our deletes has removed the record under a sys_id: an earlier attempt of this upsert has made it, or others have. */
  async #afterDelete(sysId: string, number: number): Promise<Done> {
    if (number !== numberUnknown) return this.#createUnderNext(number + 1);
    await this.#work.complete('create', sysId);
    return 'duplicate';
  }

  /**
   * The record that another upsert of the match has made; undefined when it made none and no longer can.
   * @throws InDoubtError while it may still make one
   */
  async #waitForMaker(sysId: string, untilMs: number): Promise<Holder | undefined> {
    const { match, context } = this.#work;
    const { clock } = context;
    for (let looks = 1; ; looks += 1) {
      const holder = await match.readHolder(sysId, false);
      if (holder || clock.now() >= untilMs) return holder;
      if (looks === mostLooks) throw new InDoubtError(otherMakerMs);
      await clock.sleep(lookEveryMs);
    }
  }

  /** What is there under a sys_id of the match: this attempt's own record, or one from before it was first sent. */
  async #whatIsMade(sysId: string): Promise<'own' | 'older' | 'nothing'> {
    const { table, context, attempt } = this.#work;
    const presence = await findRecord(table, sysId, context);
    const oldestMs = attempt.firstSentAtMs - skewMs;
    if (presence === 'hidden')
      return (await isCreatedSince(table, sysId, oldestMs, context)) ? 'own' : 'older';
    if (presence !== 'visible') return 'nothing';
    const request = getRequest({ table, sysId, fields: ['sys_created_on'] });
    const { body } = await context.send({ request, isReconciling: true });
    const createdOn = z.safeParse(createdOnAnswer, body).data?.result.sys_created_on ?? '';
    const createdMs = parseInstanceTime(createdOn);
    const isOwn =
      createdMs === undefined ? await isCreatedSince(table, sysId, oldestMs, context) : createdMs >= oldestMs;
    return isOwn ? 'own' : 'older';
  }

  async #useHolder(holder: Holder, sysId: string, number: number): Promise<Done> {
    if (!this.#work.match.isMetBy(holder))
      return this.#createUnderNext(number === numberUnknown ? 0 : number + 1);
    return this.#update(sysId);
  }

  /**
   * The record under a sys_id of the match is hidden from the user, e.g. since it was closed. What the match finds is counted
   * all the same: where that is nothing, the record is one that no longer matches.
   */
  async #passHidden(
    sysId: string,
    number: number,
    { maker, makerUntilMs }: Pick<RecordMark, 'maker' | 'makerUntilMs'>,
  ): Promise<Done> {
    const { attempt, context, match } = this.#work;
    const { records } = context.ledger;
    const release = () => records.release(sysId, maker, makerUntilMs);
    const { total } = await match.search(match.columns, true);
    if (total > 0) {
      await Promise.all([release(), attempt.withdraw()]);
      throw new InvalidInputError('match', 'finds a record that the user may not read');
    }
    const next = number === numberUnknown ? 0 : number + 1;
    // Others need not look at it either.
    await Promise.all([release(), records.rememberNumber(this.#work.sysIdOf(0), next)]);
    return this.#createUnderNext(next);
  }

  async #update(sysId: string): Promise<Done> {
    await this.#work.attempt.announce('update', sysId);
    return this.#work.update(sysId);
  }

  /**
   * The sys_id is taken, or the record was refused.
   * @param isRepeat an earlier copy of this create may have taken effect
   */
  async #afterRefusal(
    sysId: string,
    number: number,
    refusal: ServiceNowError,
    isRepeat: boolean,
  ): Promise<Done> {
    const { attempt, context, match } = this.#work;
    const made = await this.#whatIsMade(sysId);
    if (isRepeat && made === 'own') {
      await this.#work.complete('create', sysId);
      return 'duplicate';
    }
    const holder = await match.readHolder(sysId, true).catch(async (error: unknown) => {
      if (error instanceof InvalidInputError) await attempt.withdraw();
      throw error;
    });
    if (holder) return this.#useHolder(holder, sysId, number);
    const isMade = made !== 'nothing' || refusal.isReadBackDenial;
    if (isMade && !(refusal instanceof InsertRefusedError)) {
      // The user may create what he may not read.
      await this.#work.complete('create', sysId);
      return 'done';
    }
    const { name: maker, untilMs: makerUntilMs } = attempt;
    if (isMade) return this.#passHidden(sysId, number, { maker, makerUntilMs });
    await Promise.all([context.ledger.records.release(sysId, maker, makerUntilMs), attempt.withdraw()]);
    await checkLag(refusal, sysId, context);
    throw refusal;
  }

  /** Looks at several numbers at once, in one request: the first that is free, or whose record matches. */
  async #createUnderNext(from: number): Promise<Done> {
    const { lastNumber } = await this.#work.context.ledger.records.of(this.#work.sysIdOf(0));
    const first = Math.max(from, lastNumber);
    for (let number = first; number < first + mostNumbers; number += numbersAtOnce) {
      const numbers = Array.from({ length: numbersAtOnce }, (_, index) => number + index);
      const states = await Promise.all(numbers.map((one) => this.#stateOf(one)));
      const usable = states.find(({ isFree, isMatch }) => isFree || isMatch);
      if (usable === undefined) continue;
      if (!usable.isFree) return this.#update(usable.sysId);
      return (await this.#updateFound()) ?? this.#createUnder(usable.sysId, usable.number);
    }
    throw new InvalidInputError(
      'match',
      `${mostNumbers} records that no longer match were made for it since the last that is known`,
    );
  }

  /** Whether a record matches is for the instance to say: it may hold a value in another notation, e.g. `7` for `007`. */
  async #updateFound(): Promise<Done | undefined> {
    const { attempt, command, context, match } = this.#work;
    const found = await match.find();
    const sysId = found?.['sys_id'];
    if (found === undefined || sysId === undefined) return undefined;
    await context.waitForTurn(command, sysId);
    await attempt.checkRecord(sysId);
    const now = await match.readHolder(sysId, false);
    return now && match.isAsListed(now, found) ? this.#update(sysId) : undefined;
  }

  async #stateOf(number: number) {
    const { context, match } = this.#work;
    const sysId = this.#work.sysIdOf(number);
    const [{ isDeleted }, holder] = await Promise.all([
      context.ledger.records.of(sysId),
      match.readHolder(sysId, false),
    ]);
    const isMatch = holder !== undefined && match.isMetBy(holder);
    return { number, sysId, isFree: !holder && !isDeleted, isMatch };
  }
}
