import * as z from 'zod/mini';
import type { Effect } from '../../aws/effect-ledger.ts';
import { startsOf } from '../../operations/cut-notes.ts';
import { deriveUpsertSysId } from '../../operations/identity.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../../servicenow/call.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { createRequest } from '../../servicenow/records.ts';
import type { Done } from '../disposition.ts';
import type { Attempt } from './attempt.ts';
import { type Notes, NoteWriting, withNotes } from './journal.ts';
import { Match, type Row } from './match.ts';
import { answerFields, lookWhetherWritten, type Update, writeUpdate } from './update.ts';
import { type CommandOf, columnOfSender, type WriteContext } from './write-context.ts';

const createdAnswer = z.object({ result: z.looseObject({ sys_id: z.string() }) });

/** The correlation_id that an upsert gives the record which it makes, if it gives one. */
export function givenCorrelationId({ match, record }: CommandOf<'upsert'>['command']): string | undefined {
  const given = record['correlation_id'] ?? match['correlation_id'];
  return typeof given === 'string' && given !== '' ? given : undefined;
}

/** What all ways to carry out one upsert have in common: its match, its writes, and how they are remembered. */
export class UpsertWork {
  readonly attempt: Attempt;
  readonly command: CommandOf<'upsert'>;
  readonly context: WriteContext;
  readonly match: Match;
  readonly #notes: Notes;

  constructor(attempt: Attempt, command: CommandOf<'upsert'>, notes: Notes) {
    const { table, match } = command.command;
    this.attempt = attempt;
    this.command = command;
    this.context = attempt.context;
    this.match = new Match(table, match, attempt.context.send);
    this.#notes = notes;
  }

  get table(): string {
    return this.command.command.table;
  }

  /** The sys_id of the match with this number: see `deriveUpsertSysId`. */
  sysIdOf(number: number): string {
    return deriveUpsertSysId(this.context.naming.deployment, this.table, this.match.columns, number);
  }

  /** Updates a record. */
  update(sysId: string): Promise<Done> {
    return writeUpdate(this.attempt, this.#updateOf(sysId));
  }

  #updateOf(sysId: string): Update {
    const { record, options } = this.command.command;
    const inputDisplayValue = options?.inputDisplayValue ?? false;
    return { table: this.table, sysId, record, notes: this.#notes, inputDisplayValue };
  }

  /**
   * What to do about a record that an earlier attempt may have updated: it is written again where it still matches, or does not since
   * that was written. Else someone has changed it before, e.g. a person has closed it, and it is not touched any more.
   */
  async whatToRepeat(sysId: string): Promise<'write' | 'it is written' | 'it is another record'> {
    const { match } = this;
    const [now, { rows, total }] = await Promise.all([
      match.readHolder(sysId, true),
      match.search(match.columns, true),
    ]);
    const listed = rows.find(({ sys_id }) => sys_id === sysId);
    const isMet = now
      ? match.isMetBy(now) ||
        match.isMetBy(now, this.#writtenColumns()) ||
        (listed && match.isAsListed(now, listed))
      : // The total counts what the user may not read.
        total > rows.length;
    if (isMet) return 'write';
    const written = await lookWhetherWritten(this.attempt, this.#updateOf(sysId));
    if (written === 'unknown') return 'write';
    return written === 'written' ? 'it is written' : 'it is another record';
  }

  /** False where a record shows that this upsert has not written it. */
  async mayHaveWritten(sysId: string): Promise<boolean> {
    return (await lookWhetherWritten(this.attempt, this.#updateOf(sysId))) !== 'not written';
  }

  /** Finds the records whose columns of the match hold what they do once the record is written. */
  searchWritten() {
    return this.match.search(this.#writtenColumns(), true);
  }

  #writtenColumns(): Row {
    const { record } = this.command.command;
    const changed = Object.entries(this.match.columns).map(([column, value]) => {
      const written = Object.hasOwn(record, column) ? record[column] : value;
      return [column, typeof written === 'string' && written !== '' ? written : value] as const;
    });
    return Object.fromEntries(changed);
  }

  /** Updates a record; gives nothing when it is gone. */
  async updateUnlessGone(sysId: string): Promise<Done | undefined> {
    try {
      return await this.update(sysId);
    } catch (error) {
      if (error instanceof RecordNotFoundError) return undefined;
      throw error;
    }
  }

  /** A column of another record, `caller_id.email`, can find a record but not be written with it. */
  createRequest(identity: Row): ServiceNowRequest {
    const { record, options } = this.command.command;
    const sender = columnOfSender(this.command, this.context);
    const own = Object.entries(this.match.columns).filter(([column]) => !column.includes('.'));
    return createRequest({
      table: this.table,
      record: { ...Object.fromEntries(own), ...withNotes(record, this.#notes), ...sender, ...identity },
      inputDisplayValue: options?.inputDisplayValue,
      fields: [...answerFields, ...Object.keys(this.match.columns)],
    });
  }

  /** Remembers that the upsert is done. */
  async complete(write: Effect['write'], sysId: string): Promise<void> {
    const hasNotes = this.#notes.size > 0 && sysId !== '';
    const writing = hasNotes ? new NoteWriting(this.attempt, sysId, this.#notes) : undefined;
    // Once the work is known to be done, nothing would remember its notes any more.
    await Promise.all([
      writing?.complete(),
      write === 'create' && sysId !== '' ? this.#rememberColumns(sysId) : undefined,
    ]);
    await this.attempt.complete(write, sysId);
  }

  /** An older upsert of the match that comes back leaves these columns as they are. */
  async #rememberColumns(sysId: string): Promise<void> {
    const columns = Object.keys(this.command.command.record);
    const { asked, firstSentAtMs: sentAtMs, name, untilMs } = this.attempt;
    const times = { ...asked, sentAtMs };
    await this.context.ledger.notes.rememberColumns(sysId, name, columns, times, {
      starts: startsOf(this.#notes),
      untilMs,
    });
  }

  /**
   * Looks whether the match finds a record that was just created for it, unless the answer shows that it does: if not, each
   * upsert of the match would create one more.
   * @returns the sys_id that the answer shows
   */
  async checkCreated(answer: ServiceNowResponse | undefined): Promise<string | undefined> {
    const created = z.safeParse(createdAnswer, answer?.body).data?.result;
    const columns = Object.keys(this.match.columns);
    const isMeantToMatch = !columns.some((column) => Object.hasOwn(this.command.command.record, column));
    if (!created) return undefined;
    // No search finds a record by a column that its table has not.
    if (this.match.unknownColumnOf(created) === undefined) {
      if (!isMeantToMatch || !this.match.isStoredDifferently(created)) return created.sys_id;
      const { total } = await this.match.search(this.match.columns, true);
      if (total > 0) return created.sys_id;
    }
    const { log, ledger } = this.context;
    log.warn('match-finds-nothing', { table: this.table, messageId: this.command.message.messageId });
    await ledger.records.rememberUnmatched(this.sysIdOf(0), created.sys_id);
    return created.sys_id;
  }
}
