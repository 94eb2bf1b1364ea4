import { digestOf } from '../../aws/digest.ts';
import type { RecordMark } from '../../aws/record-marks.ts';
import { ConnectorError } from '../../core/errors.ts';
import { parseInstanceTime } from '../../servicenow/encoded-query.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { deleteRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { copyWaitMs, type Done, InDoubtError } from '../disposition.ts';
import type { QueuedMessage } from '../sqs-event.ts';
import { lookAtRecord, lookByWrite, type Sight, skewMs } from './lookup.ts';
import type { WriteContext } from './write-context.ts';

/**
 * A record that one of our deletes removed is not made again by a copy of its create, however late that one comes:
 *
 * - A create that may be a repeat looks for the mark of the delete before it is sent, and once more after its answer. A delete
 *   leaves its mark before it is sent. So one of the two sees the other, and a record that was made again is removed. While a message
 *   that was delivered before creates its record again, deletes wait: its process may die before it looks once more.
 * - When the answer to a create was lost, that copy may take effect long after another one. Deletes then wait.
 *
 * Looks, once for the whole batch, whether a delete was faster than one of its creates, and removes what that made.
 * @returns the messages that have to come back, and why
 */
export async function checkMade(
  context: WriteContext,
): Promise<ReadonlyMap<QueuedMessage, { readonly error: unknown }>> {
  const errors = new Map<QueuedMessage, { readonly error: unknown }>();
  const checks = context.made.splice(0).map(async ({ message, table, sysId }) => {
    try {
      const mark = await context.ledger.records.now(sysId);
      if (mark.isDeleted) await removeMade(table, sysId, mark, context);
    } catch (error) {
      errors.set(message, { error });
    }
  });
  await Promise.all(checks);
  return errors;
}

/**
 * Keeps deletes away from a record while an earlier copy of its create may be running.
 * @param isMade another copy has made the record; otherwise all writes are kept away
 * @throws InDoubtError when that cannot be remembered, or a delete was faster: the message comes back once the copy is over
 */
export async function awaitEarlierCopy(
  sysId: string,
  isMade: boolean,
  cause: unknown,
  { clock, inDoubtMs, ledger }: WriteContext,
): Promise<void> {
  const untilMs = clock.now() + inDoubtMs;
  const { records } = ledger;
  const keepAway = isMade ? records.keepDeletesAway(sysId, untilMs) : records.keepAllAway(sysId, untilMs);
  const mark = await keepAway.catch(() => undefined);
  if (mark === undefined || mark.isDeleted) throw new InDoubtError(inDoubtMs, cause);
}

/**
 * Removes what a create has just made, unseen: a look-up may lag behind it.
 * @throws InDoubtError while the delete is under way; what removing the record failed with, if it may pass
 */
async function removeMade(
  table: string,
  sysId: string,
  { deletingUntilMs }: RecordMark,
  context: WriteContext,
): Promise<void> {
  if (deletingUntilMs > context.clock.now()) throw new InDoubtError(copyWaitMs);
  await remove(table, sysId, context);
}

/** An earlier attempt that has not seen the delete ended within this time after it. */
const longestAttemptMs = 15 * 60_000;

/**
 * What a create comes to whose record one of our deletes has seen: nothing, and if a late copy of it has made the record again,
 * that is removed.
 * @throws InDoubtError while the delete is under way; what removing the record failed with, if it may pass
 */
export async function keepDeleted(
  table: string,
  sysId: string,
  mark: RecordMark,
  context: WriteContext,
): Promise<Done> {
  let seen = await lookAtRecord(table, sysId, context, true);
  const isRecent = context.clock.now() - mark.deletedAtMs < longestAttemptMs;
  if (seen.presence === 'absent' && isRecent) seen = await lookByWrite(table, sysId, context);
  if (seen.presence !== 'visible' && seen.presence !== 'hidden') return 'duplicate';
  if (mark.deletingUntilMs > context.clock.now()) throw new InDoubtError(copyWaitMs);
  // A delete that did not come to its end comes back by itself, or was given up.
  if (mark.deletingUntilMs > 0 || !isMadeAgain(seen, mark)) return 'duplicate';
  await remove(table, sysId, context);
  return 'duplicate';
}

/** A restored record shows when it was first created, and its number. One that was made again may show the same second. */
function isMadeAgain({ presence, createdOn, number }: Sight, mark: RecordMark): boolean {
  if (presence !== 'visible' || createdOn === '') return false;
  if (createdOn !== mark.createdOn) return mark.createdOn !== '';
  if (number !== '' && digestOf(number) === mark.numberDigest) return false;
  const createdMs = parseInstanceTime(createdOn);
  return createdMs !== undefined && mark.deletedAtMs - createdMs < skewMs;
}

async function remove(table: string, sysId: string, context: WriteContext): Promise<void> {
  try {
    await context.send({ request: deleteRequest({ table, sysId }), isReconciling: true });
    context.log.info('made-again-removed', { table });
  } catch (error) {
    if (error instanceof RecordNotFoundError) return;
    if (error instanceof ServiceNowError && error.effect === 'unknown')
      throw new InDoubtError(context.inDoubtMs, error);
    if (!(error instanceof ConnectorError) || !error.isPermanent) throw error;
    context.log.error('made-again-stays', { table, code: error.code });
  }
}
