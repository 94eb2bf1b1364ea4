import { randomUUID } from 'node:crypto';
import { mayHaveTakenEffect } from '../../core/errors.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { deleteRequest } from '../../servicenow/records.ts';
import { copyWaitMs, type Done, InDoubtError } from '../disposition.ts';
import { Attempt, waitUntil } from './attempt.ts';
import { findRecord, lookAtRecord, lookByWrite, type Presence, type Sight } from './lookup.ts';
import type { CommandOf, WriteContext } from './write-context.ts';

/**
 * Deletes a record. It is looked for first, and that it was there is remembered: a record that is not found counts as deleted
 * only when one of our deletes has seen it, since an instance also says "not found" for a record that the user may not see.
 * @throws RecordNotFoundError; what the delete failed with
 */
export async function deleteRecord(command: CommandOf<'delete'>, context: WriteContext): Promise<Done> {
  const { table, sysId } = command.command;
  return Attempt.run(command, context, async (attempt) => {
    await context.waitForTurn(command, sysId);
    const { creatingUntilMs, repeatingUntilMs } = await attempt.checkRecord(sysId);
    waitUntil(creatingUntilMs, context.clock);
    if (repeatingUntilMs > context.clock.now()) throw new InDoubtError(copyWaitMs);
    const seen = await lookAtRecord(table, sysId, context, false);
    const deletion = new Deletion(attempt, command);
    const isSeen = seen.presence === 'visible' || seen.presence === 'hidden';
    return isSeen ? deletion.ofSeen(seen) : deletion.ofUnseen(seen.presence);
  });
}

class Deletion {
  readonly #attempt: Attempt;
  readonly #table: string;
  readonly #sysId: string;

  constructor(attempt: Attempt, { command }: CommandOf<'delete'>) {
    this.#attempt = attempt;
    this.#table = command.table;
    this.#sysId = command.sysId;
  }

  async ofSeen({ presence, correlationId, createdOn, number }: Sight): Promise<Done> {
    const { context, untilMs } = this.#attempt;
    const { records } = context.ledger;
    const by = randomUUID();
    const begun = await records.beginDelete(this.#sysId, {
      ...{ by, untilMs, createdOn, number },
      under: this.#attempt.name,
    });
    // The answer to a create of the record was lost since we looked.
    if (begun === 'refused') throw new InDoubtError(copyWaitMs);
    // A create whose sys_id the instance chose is known by this only.
    if (correlationId) await records.markDeletedAs(correlationId);
    // Whether the user may delete it is not known before the answer.
    if (presence === 'hidden') await this.#attempt.announce('delete', this.#sysId);
    try {
      await this.#send(this.#sysId, () => this.#isGone());
    } catch (error) {
      const isNotFound = error instanceof RecordNotFoundError;
      // It was there a moment ago: someone else was faster, unless the user may not see it.
      if (!(isNotFound && (await this.#isGone()))) {
        if (begun === 'first' && !mayHaveTakenEffect(error)) await records.abandonDelete(this.#sysId, by);
        if (isNotFound && (begun === 'another' || presence === 'visible')) await this.#lookOnceMore(error);
        throw error;
      }
    }
    return this.#end('done');
  }

  async ofUnseen(presence: Presence): Promise<Done> {
    const { before } = this.#attempt;
    if (before?.sysId === this.#sysId && presence === 'absent') return this.#end('duplicate');
    if (await this.#isDeleted(presence)) return this.#end('duplicate');
    if (presence === 'absent') {
      // Deleted unseen, it would pass for one that never was when the answer is lost.
      const seen = await lookByWrite(this.#table, this.#sysId, this.#attempt.context);
      if (seen.presence === 'visible') return this.ofSeen(seen);
    }
    try {
      await this.#send(undefined, async () => false);
    } catch (error) {
      // Another copy of this message, or another delete, may have been under way all the while.
      if (!(error instanceof RecordNotFoundError && (await this.#isDeleted(presence)))) throw error;
      return this.#end('duplicate');
    }
    return this.#end('done');
  }

  /** @throws InDoubtError while a delete is under way of which it cannot be seen how it ended */
  async #isDeleted(presence: Presence): Promise<boolean> {
    const { clock, ledger } = this.#attempt.context;
    const { isDeleted, deletingUntilMs } = await ledger.records.now(this.#sysId);
    if (isDeleted && presence === 'unknown' && deletingUntilMs > clock.now())
      throw new InDoubtError(copyWaitMs);
    return isDeleted;
  }

  /**
   * A record that is still shown though a delete did not find it was deleted by someone else a moment ago, and either a look-up lags
   * behind that, or a late copy of its create has made it again. What is still there a while later is neither, so that the user may
   * not delete it.
   * @throws InDoubtError before that
   */
  async #lookOnceMore(cause: RecordNotFoundError): Promise<void> {
    const { context, firstSentAtMs } = this.#attempt;
    const { records } = context.ledger;
    const nowMs = context.clock.now();
    const { deleteRefusedAtMs } = await records.now(this.#sysId);
    const isFirst = deleteRefusedAtMs < firstSentAtMs;
    if (!isFirst && nowMs - deleteRefusedAtMs >= copyWaitMs) return;
    await this.#attempt.announce('delete', this.#sysId, nowMs + copyWaitMs);
    if (isFirst) await records.rememberRefusedDelete(this.#sysId);
    throw new InDoubtError(copyWaitMs, cause);
  }

  async #isGone(): Promise<boolean> {
    return (await findRecord(this.#table, this.#sysId, this.#attempt.context)) === 'absent';
  }

  /** @param sysId of the record that others are kept away from when the answer is lost */
  async #send(sysId: string | undefined, isGone: () => Promise<boolean>): Promise<void> {
    await this.#attempt.send(deleteRequest({ table: this.#table, sysId: this.#sysId }), sysId, isGone);
  }

  async #end(done: Done): Promise<Done> {
    // First the record: once the work counts as done, no redelivery comes back to it.
    await this.#attempt.context.ledger.records.endDelete(this.#sysId);
    await this.#attempt.complete('delete', this.#sysId);
    return done;
  }
}
