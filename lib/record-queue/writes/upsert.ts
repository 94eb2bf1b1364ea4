import * as z from 'zod/mini';
import type { Effect, RecordMark } from '../../aws/effect-ledger.ts';
import { InvalidInputError } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import { deriveUpsertSysId } from '../../operations/identity.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { AccessDeniedError, InsertRefusedError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { createRequest, getRequest, listRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { type Done, InDoubtError } from '../disposition.ts';
import { Attempt, type CommandOf, type WriteContext } from './attempt.ts';
import { type Notes, NoteWriting, notesIn, withNotes } from './journal.ts';
import { findRecord, isReadBackDenial, isRefusedAsTaken } from './lookup.ts';
import { answerFields, writeUpdate } from './update.ts';

/**
 * Updates the record that matches, or creates one. What was decided is remembered before it is sent, so that a repeat writes to
 * the same record, also when the write changed what it matched by. A new record gets a sys_id that is derived from the match
 * and a number: of two upserts that race, the primary key of the instance lets one through, and the other updates. The number
 * grows with each record of the match that no longer matches or that we deleted.
 * @throws InvalidInputError when more than one record matches; what a call failed with
 */
export async function upsertRecord(command: CommandOf<'upsert'>, context: WriteContext): Promise<Done> {
  return Attempt.run(command, context, async (attempt) => {
    const { table, record } = command.command;
    const notes = await notesIn(table, record, context);
    return new Upsert(attempt, command, notes).run();
  });
}

type Row = Readonly<Record<string, string>>;

class Upsert {
  readonly #attempt: Attempt;
  readonly #command: CommandOf<'upsert'>;
  readonly #context: WriteContext;
  readonly #notes: Notes;

  constructor(attempt: Attempt, command: CommandOf<'upsert'>, notes: Notes) {
    this.#attempt = attempt;
    this.#command = command;
    this.#context = attempt.context;
    this.#notes = notes;
  }

  async run(): Promise<Done> {
    const { before } = this.#attempt;
    const repeated = before && (await this.#repeat(before));
    if (repeated) return repeated;
    for (;;) {
      const found = await this.#findMatch();
      if (found === undefined) return this.#create();
      const written = await this.#update(found);
      if (written) return written;
    }
  }

  /** Does again what an earlier attempt may have done. Gives nothing when that was not done and cannot be done any more. */
  async #repeat({ write, sysId }: Effect): Promise<Done | undefined> {
    if (sysId === '') return this.#repeatCreateElsewhere();
    await this.#context.waitForTurn(this.#command, sysId);
    const mark = await this.#attempt.checkRecord(sysId);
    if (mark.isDeleted) {
      await this.#complete(write, sysId);
      return 'duplicate';
    }
    if (write === 'create') return this.#repeatCreate(sysId, mark);
    const presence = await findRecord(this.#command.command.table, sysId, this.#context);
    return presence === 'absent' ? undefined : this.#writeUnlessGone(sysId);
  }

  /** Another upsert of the match may have created the record since: then this one has still to be carried out. */
  async #repeatCreate(sysId: string, mark: RecordMark): Promise<Done | undefined> {
    const { name, untilMs } = this.#attempt;
    if (mark.maker !== '' && mark.maker !== name) return undefined;
    const made = await this.#whatIsMade(sysId);
    if (made === 'nothing') return this.#createUnder(sysId, numberUnknown);
    if (made === 'older') return undefined;
    // The mark was read a while ago: another upsert may have taken the sys_id over since.
    if (!(await this.#context.ledger.reserve(sysId, name, untilMs, mark))) return undefined;
    await this.#complete('create', sysId);
    return 'duplicate';
  }

  /** In a table that refuses a given sys_id the record is looked for by what was written. */
  async #repeatCreateElsewhere(): Promise<Done | undefined> {
    const { rows, total } = await this.#search(this.#writtenMatch(), true);
    if (total === 0) return undefined;
    await this.#complete('create', rows[0]?.['sys_id'] ?? '');
    return 'duplicate';
  }

  /** Gives nothing when the record no longer matches, or is gone. */
  async #update(found: Row): Promise<Done | undefined> {
    const sysId = found['sys_id'] ?? '';
    await this.#context.waitForTurn(this.#command, sysId);
    await this.#attempt.checkRecord(sysId);
    const now = await this.#readHolder(sysId, false);
    // A list may lag behind what was written since.
    const isSame = now && Object.keys(this.#match).every((column) => now[column]?.value === found[column]);
    if (!now || !(isSame || this.#isMatch(now))) return this.#moveOn(sysId);
    await this.#attempt.announce('update', sysId);
    return (await this.#writeUnlessGone(sysId)) ?? this.#moveOn(sysId);
  }

  async #writeUnlessGone(sysId: string): Promise<Done | undefined> {
    try {
      return await this.#write(sysId);
    } catch (error) {
      if (error instanceof RecordNotFoundError) return undefined;
      throw error;
    }
  }

  readonly #gone = new Set<string>();

  /** The list still shows a record that is gone or has changed: once more, in case others match as well. */
  #moveOn(sysId: string): undefined {
    if (this.#gone.has(sysId)) throw new StaleListError();
    this.#gone.add(sysId);
  }

  #write(sysId: string): Promise<Done> {
    const { table, record, options } = this.#command.command;
    const inputDisplayValue = options?.inputDisplayValue ?? false;
    return writeUpdate(this.#attempt, { table, sysId, record, notes: this.#notes, inputDisplayValue });
  }

  /** Creates a record, or updates the one that another upsert of the same match has just created. */
  async #create(): Promise<Done> {
    const { table } = this.#command.command;
    const { naming, ignoringTables } = this.#context;
    await this.#checkEarlier();
    const isGivenSysId =
      naming.identityOf(table, '').kind === 'sys_id' && !ignoringTables.has(table.toLowerCase());
    if (!isGivenSysId) return this.#createElsewhere();
    // Looked at before anything is remembered: after a crash, a record under the sys_id is then this message's own.
    const first = await this.#stateOf(0);
    return first.isFree ? this.#createUnder(first.sysId, 0) : this.#createUnderNext(0);
  }

  /**
   * Each upsert of a match that does not find what is created for it would create one more.
   * @throws InvalidInputError when that happened before, and the record was not changed since
   */
  async #checkEarlier(): Promise<void> {
    const { unmatched } = await this.#context.ledger.markOf(this.#sysIdOf(0));
    const earlier = unmatched && (await this.#readHolder(unmatched, false));
    if (earlier && earlier['sys_mod_count']?.value === '0' && !this.#isMatch(earlier))
      throw new InvalidInputError(
        'match',
        'does not find the record that was created for it: the instance stores a value differently (cut, converted or not written); give it as it is stored',
      );
  }

  /** Looks whether the match finds a record that was just created for it, unless the answer shows that it does. */
  async #checkCreated(answer: ServiceNowResponse | undefined): Promise<void> {
    const created = z.safeParse(createdAnswer, answer?.body).data?.result;
    const columns = Object.keys(this.#match);
    const isMeantToMatch = !columns.some((column) => Object.hasOwn(this.#command.command.record, column));
    if (!created || !isMeantToMatch) return;
    if (!columns.some((column) => isStoredDifferently(column, created[column], this.#match[column] ?? '')))
      return;
    const { total } = await this.#search(this.#match, true);
    if (total > 0) return;
    const { table } = this.#command.command;
    this.#context.log.warn('match-finds-nothing', { table, messageId: this.#command.message.messageId });
    await this.#context.ledger.rememberUnmatched(this.#sysIdOf(0), created.sys_id);
  }

  /**
   * Only one upsert of the match at a time may create a record under this sys_id, so that each knows its own after a lost answer.
   * @param number of the sys_id; `numberUnknown` for that of an earlier attempt
   */
  async #createUnder(sysId: string, number: number): Promise<Done> {
    const { ledger } = this.#context;
    const { name, untilMs } = this.#attempt;
    await this.#context.waitForTurn(this.#command, sysId);
    const mark = await this.#attempt.checkRecord(sysId);
    if (mark.maker !== '' && mark.maker !== name) {
      const holder = await this.#waitForMaker(sysId, mark.makerUntilMs);
      if (holder) return this.#useHolder(holder, sysId, number);
    }
    if (!(await ledger.reserve(sysId, name, untilMs, mark))) return this.#createUnder(sysId, number);
    await this.#attempt.announce('create', sysId);
    const request = this.#createRequest({ sys_id: sysId });
    try {
      const isMade = async () => (await this.#whatIsMade(sysId)) === 'own';
      await this.#checkCreated(await this.#attempt.send(request, sysId, isMade));
    } catch (error) {
      if (!(error instanceof ServiceNowError) || error.effect === 'unknown') throw error;
      if (!error.recordMayExist) {
        await ledger.release(sysId);
        throw error;
      }
      return this.#afterRefusal(request, sysId, number, error, mark.maker === name || error.attempts > 1);
    }
    if (number > 0) await ledger.rememberNumber(this.#sysIdOf(0), number);
    await this.#complete('create', sysId);
    return 'done';
  }

  /**
   * The record that another upsert of the match has made; undefined when it made none and no longer can.
   * @throws InDoubtError while it may still make one
   */
  async #waitForMaker(sysId: string, untilMs: number): Promise<Holder | undefined> {
    const { clock } = this.#context;
    for (let looks = 1; ; looks += 1) {
      const holder = await this.#readHolder(sysId, false);
      if (holder || clock.now() >= untilMs) return holder;
      if (looks === mostLooks) throw new InDoubtError(matchWaitMs);
      await clock.sleep(lookEveryMs);
    }
  }

  /** What is there under a sys_id of the match: this attempt's own record, or one from before it was first sent. */
  async #whatIsMade(sysId: string): Promise<'own' | 'older' | 'nothing'> {
    const { table } = this.#command.command;
    const presence = await findRecord(table, sysId, this.#context);
    if (presence === 'hidden') return 'own';
    if (presence !== 'visible') return 'nothing';
    const request = getRequest({ table, sysId, fields: ['sys_created_on'] });
    const { body } = await this.#context.send({ request, isReconciling: true });
    const createdOn = z.safeParse(createdOnAnswer, body).data?.result.sys_created_on ?? '';
    const createdMs = Date.parse(`${createdOn.replace(' ', 'T')}Z`);
    return createdMs < this.#attempt.firstSentAtMs - skewMs ? 'older' : 'own';
  }

  async #useHolder(holder: Holder, sysId: string, number: number): Promise<Done> {
    if (!this.#isMatch(holder)) return this.#createUnderNext(number === numberUnknown ? 0 : number + 1);
    await this.#attempt.announce('update', sysId);
    return this.#write(sysId);
  }

  /**
   * The sys_id is taken, or the record was refused.
   * @param isRepeat an earlier copy of this create may have taken effect
   */
  async #afterRefusal(
    request: ServiceNowRequest,
    sysId: string,
    number: number,
    refusal: ServiceNowError,
    isRepeat: boolean,
  ): Promise<Done> {
    const made = await this.#whatIsMade(sysId);
    if (isRepeat && made === 'own') {
      await this.#complete('create', sysId);
      return 'duplicate';
    }
    const holder = await this.#readHolder(sysId, true);
    if (holder) return this.#useHolder(holder, sysId, number);
    const isMade =
      made !== 'nothing' || (isReadBackDenial(refusal) && (await isRefusedAsTaken(request, this.#context)));
    if (!isMade) {
      await Promise.all([this.#context.ledger.release(sysId), this.#attempt.withdraw()]);
      throw refusal;
    }
    if (refusal instanceof InsertRefusedError) {
      await this.#attempt.withdraw();
      throw new InvalidInputError('match', 'finds a record that the user may not read');
    }
    // The user may create what he may not read.
    await this.#complete('create', sysId);
    return 'done';
  }

  /** Looks at several numbers at once, in one request: the first that is free, or whose record matches. */
  async #createUnderNext(from: number): Promise<Done> {
    const { lastNumber } = await this.#context.ledger.markOf(this.#sysIdOf(0));
    for (let number = Math.max(from, lastNumber); number < mostNumbers; number += numbersAtOnce) {
      const numbers = Array.from({ length: numbersAtOnce }, (_, index) => number + index);
      const states = await Promise.all(numbers.map((one) => this.#stateOf(one)));
      const usable = states.find(({ isFree, isMatch }) => isFree || isMatch);
      if (usable === undefined) continue;
      if (usable.isFree) return this.#createUnder(usable.sysId, usable.number);
      await this.#attempt.announce('update', usable.sysId);
      return this.#write(usable.sysId);
    }
    throw new InvalidInputError('match', `${mostNumbers} records were made for it and no longer match`);
  }

  async #stateOf(number: number) {
    const sysId = this.#sysIdOf(number);
    const [{ isDeleted }, holder] = await Promise.all([
      this.#context.ledger.markOf(sysId),
      this.#readHolder(sysId, false),
    ]);
    return {
      number,
      sysId,
      isFree: !holder && !isDeleted,
      isMatch: holder !== undefined && this.#isMatch(holder),
    };
  }

  /** In a table that refuses a given sys_id only the ledger keeps two upserts of one match apart. */
  async #createElsewhere(): Promise<Done> {
    const { ledger } = this.#context;
    const { table } = this.#command.command;
    const name = JSON.stringify(['match', this.#sysIdOf(0)]);
    const isOurs = await ledger.hold(name, ledger.nameOf(table, this.#command.key), this.#attempt.untilMs);
    if (!isOurs) throw new InDoubtError(matchWaitMs);
    // Another one may have created it since we looked.
    const [row] = await this.#list(this.#match, false);
    if (row !== undefined) {
      const written = await this.#update(row);
      if (written) return written;
    }
    await this.#attempt.announce('create', '');
    const isMade = async () => (await this.#search(this.#writtenMatch(), true)).total > 0;
    const answer = await this.#attempt
      .send(this.#createRequest({}), undefined, isMade)
      .catch(async (error: unknown) => {
        if (!(error instanceof ServiceNowError) || !error.recordMayExist) throw error;
        // The user may create what he may not read.
        if (isReadBackDenial(error) || (await isMade())) return undefined;
        await this.#attempt.withdraw();
        throw error;
      });
    const sysId = z.safeParse(createdAnswer, answer?.body).data?.result.sys_id ?? '';
    await this.#checkCreated(answer);
    await this.#complete('create', sysId);
    return 'done';
  }

  async #complete(write: Effect['write'], sysId: string): Promise<void> {
    const hasNotes = this.#notes.size > 0 && sysId !== '';
    const writing = hasNotes ? new NoteWriting(this.#attempt, sysId, this.#notes) : undefined;
    await Promise.all([this.#attempt.complete(write, sysId), writing?.complete()]);
  }

  get #match(): Row {
    return this.#command.command.match;
  }

  #sysIdOf(number: number): string {
    return deriveUpsertSysId(
      this.#context.naming.deployment,
      this.#command.command.table,
      this.#match,
      number,
    );
  }

  /** What the match will find once the record is written. */
  #writtenMatch(): Row {
    const { record } = this.#command.command;
    const changed = Object.entries(this.#match).map(([column, value]) => {
      const written = Object.hasOwn(record, column) ? record[column] : value;
      return [column, typeof written === 'string' && written !== '' ? written : value] as const;
    });
    return Object.fromEntries(changed);
  }

  /** A column of another record, `caller_id.email`, can find a record but not be written with it. */
  #createRequest(identity: Row): ServiceNowRequest {
    const { table, record, options } = this.#command.command;
    const own = Object.entries(this.#match).filter(([column]) => !column.includes('.'));
    return createRequest({
      table,
      record: { ...Object.fromEntries(own), ...withNotes(record, this.#notes), ...identity },
      inputDisplayValue: options?.inputDisplayValue,
      fields: [...answerFields, ...Object.keys(this.#match)],
    });
  }

  async #findMatch(): Promise<Row | undefined> {
    const [row] = await this.#list(this.#match, false);
    return row;
  }

  /** @throws InvalidInputError when more than one record matches, or one that the user may not read */
  async #list(match: Row, isReconciling: boolean): Promise<readonly Row[]> {
    const { rows, total } = await this.#search(match, isReconciling);
    if (total > 1)
      throw new InvalidInputError('match', 'finds more than one record; add a column that tells them apart');
    if (total > rows.length)
      throw new InvalidInputError('match', 'finds a record that the user may not read');
    return rows;
  }

  /** The total is blind to access controls (docs/servicenow-contract.md 1.4): a record that is hidden would be created again. */
  async #search(match: Row, isReconciling: boolean) {
    const request = matchRequest(this.#command.command.table, match);
    const { body, headers } = await this.#context.send({ request, isReconciling });
    const rows = readRows(body, Object.keys(match));
    return { rows, total: Math.max(rows.length, Number(headers['x-total-count'] ?? 0)) };
  }

  /** The columns of the match as a record holds them now; undefined when it is not shown. */
  async #readHolder(sysId: string, isReconciling: boolean): Promise<Holder | undefined> {
    const columns = Object.keys(this.#match);
    const request = getRequest({
      table: this.#command.command.table,
      sysId,
      fields: ['sys_id', 'sys_mod_count', ...columns],
      displayValue: 'all',
      excludeReferenceLink: true,
    });
    try {
      const { body } = await this.#context.send({ request, isReconciling });
      const parsed = z.safeParse(holderAnswer, body);
      if (!parsed.success) throw new UnreadableAnswerError('match: the instance answered without a record');
      return parsed.data.result;
    } catch (error) {
      if (error instanceof RecordNotFoundError || error instanceof AccessDeniedError) return undefined;
      throw error;
    }
  }

  #isMatch(holder: Holder): boolean {
    return Object.entries(this.#match).every(([column, wanted]) => {
      const held = Object.hasOwn(holder, column) ? holder[column] : undefined;
      return held !== undefined && (isEqual(held.value, wanted) || isEqual(held.display_value ?? '', wanted));
    });
  }
}

/** The number of an earlier attempt's sys_id is not remembered. */
const numberUnknown = -1;
/** How many numbers of a match are looked at in one request, and at most. */
const numbersAtOnce = 16;
const mostNumbers = 4_096;
/** How long an upsert waits for another one of its match. */
const matchWaitMs = 5_000;
/** How often it looks for the other one's record before that, and after how long each time. */
const mostLooks = 5;
const lookEveryMs = 250;
/** A record that is older than an attempt by more than the clocks may differ is another's. */
const skewMs = 10 * 60_000;

/** The list of an instance lags behind what it holds; it will catch up. */
class StaleListError extends UnreadableAnswerError {
  override readonly name: string = 'StaleListError';

  constructor() {
    super('match: the instance lists a record as it no longer is');
  }
}

/** As an instance compares: without regard to case and outer blanks, and a boolean by either of its names. */
function isEqual(held: string, wanted: string): boolean {
  const [a, b] = [held.trim().toLowerCase(), wanted.trim().toLowerCase()];
  return a === b || ((a === 'true' || a === 'false') && b === (a === 'true' ? '1' : '0'));
}

/**
 * True when an instance holds something else because it cannot hold what was given: cut, converted, or not written at all. A
 * business rule that sets a value of its own, e.g. closes the record, is no such case: the next upsert creates the next record.
 */
function isStoredDifferently(column: string, held: unknown, wanted: string): boolean {
  if (typeof held !== 'string' || isEqual(held, wanted)) return false;
  if (held === '' || column.includes('.') || column === 'sys_id') return true;
  const [stored, given] = [wordsOf(held), wordsOf(wanted)];
  const isSameTime = /^\d{4}-\d\d-\d\d/.test(held) && digitsOf(wanted).startsWith(digitsOf(held));
  return isSameTime || (given.startsWith(stored) && !/^\d/.test(given.slice(stored.length)));
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, '');
}

function wordsOf(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase();
}

function matchRequest(table: string, match: Row): ServiceNowRequest {
  const query = Object.entries(match).reduce(
    (equalities, [column, value]) => equalities.where(column, '=', value),
    encodedQuery(),
  );
  const fields = ['sys_id', ...Object.keys(match)];
  return listRequest({ table, query, fields, limit: 2, excludeReferenceLink: true });
}

const shown = z.object({ value: z.string(), display_value: z.optional(z.nullable(z.string())) });
type Holder = Readonly<Record<string, z.output<typeof shown>>>;
const holderAnswer = z.object({ result: z.record(z.string(), shown) });
const rowsAnswer = z.object({ result: z.array(z.record(z.string(), z.string())) });
const createdOnAnswer = z.object({ result: z.object({ sys_created_on: z.string() }) });
const createdAnswer = z.object({ result: z.looseObject({ sys_id: z.string() }) });

/** An instance drops a condition on a column that it does not know, and so finds any record (docs/servicenow-contract.md 2.3). */
function readRows(body: unknown, columns: readonly string[]): readonly Row[] {
  const parsed = z.safeParse(rowsAnswer, body);
  if (!parsed.success) throw new UnreadableAnswerError('match: the instance answered without records');
  const [row] = parsed.data.result;
  const unknown = row && columns.find((column) => !Object.hasOwn(row, column));
  if (unknown)
    throw new InvalidInputError(
      `match.${unknown}`,
      'the table has no such column, or the user may not read it',
    );
  return parsed.data.result;
}
