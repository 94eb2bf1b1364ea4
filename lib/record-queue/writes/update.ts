import { mayHaveTakenEffect } from '../../core/errors.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { updateRequest } from '../../servicenow/requests.ts';
import type { Done } from '../disposition.ts';
import { Attempt, type CommandOf, type WriteContext } from './attempt.ts';
import { type Notes, NoteWriting, notesIn, withNotes } from './journal.ts';

/**
 * Updates a record, once for each key. A record that is not found has been deleted by us since, or the update is refused.
 * @throws RecordNotFoundError; what the update failed with
 */
export async function updateRecord(command: CommandOf<'update'>, context: WriteContext): Promise<Done> {
  const { table, sysId, record, options } = command.command;
  return Attempt.run(command, context, async (attempt) => {
    const notes = await notesIn(table, record, context);
    await context.waitForTurn(command, sysId);
    const { isDeleted } = await attempt.checkRecord(sysId);
    try {
      return await writeUpdate(attempt, {
        table,
        sysId,
        record,
        notes,
        inputDisplayValue: options?.inputDisplayValue ?? false,
      });
    } catch (error) {
      if (!(error instanceof RecordNotFoundError && isDeleted)) throw error;
      await attempt.complete('update', sysId);
      return 'duplicate';
    }
  });
}

/** The update of one record. */
export type Update = {
  readonly table: string;
  readonly sysId: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly notes: Notes;
  readonly inputDisplayValue: boolean;
};

/**
 * Sends an update and remembers that it was made. One that adds notes is announced before, and looked for in the journal when
 * an earlier attempt may have written it. Without notes a second copy is harmless once the first is over.
 */
export async function writeUpdate(attempt: Attempt, update: Update): Promise<Done> {
  const { sysId, record, notes } = update;
  const request = updateRequest({ ...update, record: withNotes(record, notes), fields: answerFields });
  const writing = notes.size > 0 ? new NoteWriting(attempt, sysId, notes) : undefined;
  if (writing && attempt.before && (await writing.isWritten())) {
    await attempt.complete('update', sysId);
    return 'duplicate';
  }
  if (writing) {
    await attempt.announce('update', sysId);
    await writing.announce();
  }
  try {
    await attempt.send(request, sysId, async () => (await writing?.isWritten()) ?? false);
  } catch (error) {
    if (!mayHaveTakenEffect(error)) await writing?.withdraw();
    throw error;
  }
  await Promise.all([attempt.complete('update', sysId), writing?.complete()]);
  return 'done';
}

/** Answers to writes are not read beyond the sys_id. */
export const answerFields = ['sys_id'];
