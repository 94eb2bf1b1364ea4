import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { deleteRequest } from '../../servicenow/records.ts';
import type { Done } from '../disposition.ts';
import { Attempt, type CommandOf, type WriteContext } from './attempt.ts';
import { findRecord, lookAtRecord } from './lookup.ts';

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
    const { presence, correlationId } = await lookAtRecord(table, sysId, context, false);
    const isSeen = presence === 'visible' || presence === 'hidden';
    const isSentBefore = attempt.before?.sysId === sysId && presence === 'absent';
    if (!isSeen && (isDeleted || isSentBefore)) {
      await attempt.complete('delete', sysId);
      return 'duplicate';
    }
    if (presence === 'visible')
      await Promise.all([
        context.ledger.markDeleted(sysId),
        // A create whose sys_id the instance chose is known by this only.
        correlationId && context.ledger.markDeletedAs(correlationId),
      ]);
    // Whether the user may delete it is not known before the answer.
    if (presence === 'hidden') await attempt.announce('delete', sysId);
    const isGone = async () => isSeen && (await findRecord(table, sysId, context)) === 'absent';
    try {
      await attempt.send(deleteRequest({ table, sysId }), isSeen ? sysId : undefined, isGone);
    } catch (error) {
      // It was there a moment ago: someone else was faster, unless the user may not see it.
      if (!(error instanceof RecordNotFoundError && (await isGone()))) throw error;
    }
    await Promise.all([
      presence === 'visible' ? undefined : context.ledger.markDeleted(sysId),
      attempt.complete('delete', sysId),
    ]);
    return 'done';
  });
}
