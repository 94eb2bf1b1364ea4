import * as z from 'zod/mini';
import { ConfigurationError, InvalidInputError } from '../../core/errors.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import { createRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import type { Done } from '../disposition.ts';
import { Attempt } from './attempt.ts';
import { type Notes, rememberWritten, withNotes } from './journal.ts';
import { type Correlated, findByCorrelationId } from './lookup.ts';
import { type Meeting, meetingOf, reserveOrWait } from './meeting.ts';
import { answerFields } from './update.ts';
import { type CommandOf, columnOfSender, type WriteContext } from './write-context.ts';

export type Create = CommandOf<'create'>;

export const createdAnswer = z.object({ result: z.object({ sys_id: z.string() }) });

/** The create with its identity, as it is sent. */
export function requestFor(
  create: Create,
  notes: Notes,
  identity: Readonly<Record<string, string>>,
  context: WriteContext,
): ServiceNowRequest {
  const { command } = create;
  return createRequest({
    table: command.table,
    record: { ...withNotes(command.record, notes), ...columnOfSender(create, context), ...identity },
    inputDisplayValue: command.options?.inputDisplayValue,
    fields: answerFields,
  });
}

/**
 * Creates a record whose sys_id the instance chooses. Without the protection of the primary key it is looked up, announced, sent
 * and remembered.
 * @throws ConfigurationError for a table without correlation_id; InvalidInputError where another writer has made a record with
 * this correlation_id that the user may not read; what the create was refused with
 */
export async function createByCorrelationId(
  command: Create,
  correlationId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  return Attempt.run(command, context, (attempt) =>
    new CorrelatedCreate(attempt, command, correlationId, notes).run(),
  );
}

class CorrelatedCreate {
  readonly #attempt: Attempt;
  readonly #command: Create;
  readonly #correlationId: string;
  readonly #notes: Notes;

  constructor(attempt: Attempt, command: Create, correlationId: string, notes: Notes) {
    this.#attempt = attempt;
    this.#command = command;
    this.#correlationId = correlationId;
    this.#notes = notes;
  }

  async run(): Promise<Done> {
    const { before } = this.#attempt;
    const meeting = await meetingOf(this.#attempt, this.#correlationId);
    const earlier = await this.#find(before !== undefined);
    if (earlier.kind === 'hidden' && !before) {
      await this.#attempt.checkCopies();
      throw new InvalidInputError(
        'key',
        'a record with this correlation_id exists that the user may not read',
      );
    }
    if (earlier.kind === 'absent' && !(await this.#wasDeleted())) return this.#send(meeting);
    await this.#complete(earlier.sysId ?? '', true);
    return 'duplicate';
  }

  async #send(meeting: Meeting): Promise<Done> {
    await reserveOrWait(meeting, this.#attempt);
    await this.#attempt.announce('create', '');
    const request = requestFor(
      this.#command,
      this.#notes,
      { correlation_id: this.#correlationId },
      this.#attempt.context,
    );
    const isMade = async () => (await this.#find(true)).kind !== 'absent';
    try {
      const answer = await this.#attempt.send(request, undefined, isMade, meeting.release);
      await this.#complete(z.safeParse(createdAnswer, answer?.body).data?.result.sys_id ?? '');
    } catch (error) {
      if (!(error instanceof ServiceNowError) || !error.recordMayExist) throw error;
      // A 403 may come although the record was made.
      if (!error.isReadBackDenial && !(await isMade())) {
        await Promise.all([meeting.release(), this.#attempt.withdraw()]);
        throw error;
      }
      await this.#complete('');
    }
    return 'done';
  }

  async #find(isReconciling: boolean): Promise<Correlated> {
    const { table } = this.#attempt;
    const found = await findByCorrelationId(table, this.#correlationId, this.#attempt.context, isReconciling);
    if (found.kind !== 'no column') return found;
    throw new ConfigurationError(
      'correlationIdTables',
      `${table} has no column correlation_id that the user may read, so that nothing can be created in it exactly once`,
    );
  }

  /** Only an earlier attempt of this very work can have made what we deleted under its correlation_id. */
  async #wasDeleted(): Promise<boolean> {
    const { before, context } = this.#attempt;
    return (
      before !== undefined && (await context.ledger.records.deletedAs(this.#correlationId)) >= before.sentAtMs
    );
  }

  async #complete(sysId: string, isRepeat = false): Promise<void> {
    if (sysId !== '' && this.#notes.size > 0)
      await rememberWritten(this.#command, sysId, this.#notes, this.#attempt.context, isRepeat);
    await this.#attempt.complete('create', sysId);
  }
}
