import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { deleteRequest } from '../../servicenow/requests.ts';
import type { Done } from '../disposition.ts';
import { Attempt, type CommandOf, type WriteContext } from './attempt.ts';
import { findRecord } from './lookup.ts';

/**
 * Deletes a record. It is looked for first, and that it was there is remembered: a record that is not found counts as deleted
 * only when one of our deletes has seen it, since an instance also says "not found" for a record that the user may not see.
 * @throws RecordNotFoundError; what the delete failed with
 */
export async function deleteRecord(command: CommandOf<'delete'>, context: WriteContext): Promise<Done> {
  const { table, sysId } = command.command;
  return Attempt.run(command, context, async (attempt) => {
    await context.waitForTurn(command, sysId);
    const { isDeleted } = await attempt.checkRecord(sysId);
    const presence = await findRecord(table, sysId, context, false);
    const isSeen = presence === 'visible' || presence === 'hidden';
    if (!isSeen && isDeleted) {
      await attempt.complete('delete', sysId);
      return 'duplicate';
    }
    if (isSeen) await context.ledger.markDeleted(sysId);
    try {
      await attempt.send(
        deleteRequest({ table, sysId }),
        sysId,
        async () => isSeen && (await findRecord(table, sysId, context)) === 'absent',
      );
    } catch (error) {
      // It was there a moment ago, so that someone else was faster.
      if (!(error instanceof RecordNotFoundError && isSeen)) throw error;
    }
    await Promise.all([
      isSeen ? undefined : context.ledger.markDeleted(sysId),
      attempt.complete('delete', sysId),
    ]);
    return 'done';
  });
}
