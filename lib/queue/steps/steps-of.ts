import { createOnce } from '../../operations/create-once.ts';
import type { IdentityOf } from '../../operations/identity.ts';
import type { Steps } from '../../operations/steps.ts';
import type { Done } from '../done.ts';
import type { Write } from '../write.ts';
import { deleteRecord } from './delete.ts';
import type { JournalWindow } from './journal.ts';
import { updateRecord, writeQuery } from './update.ts';
import { upsertRecord } from './upsert.ts';

/** The calls that one message needs. */
export function* stepsOf(write: Write, identityOf: IdentityOf): Steps<Done> {
  const { work } = write;
  const inputDisplayValue = work.options?.inputDisplayValue ?? false;
  switch (work.action) {
    case 'create': {
      const identity = identityOf(work.table, write.key);
      const created = yield* createOnce({ ...work, identity, query: writeQuery(inputDisplayValue) });
      return created.kind === 'created' ? 'done' : 'repeated';
    }
    case 'update':
      return yield* updateRecord({ ...work, inputDisplayValue, journal: journalWindow(write) });
    case 'upsert':
      return yield* upsertRecord({ ...work, inputDisplayValue, journal: journalWindow(write) });
    case 'delete':
      return yield* deleteRecord(work);
  }
}

/**
 *   sent ──┬── first received ── tried ── lost ──┬── received again
 *          └ a redelivery's entries are after this
 *   Under a given key another copy may have been sent, and written, a while before this one was sent.
 */
function journalWindow({ message, keyGiven }: Write): JournalWindow {
  const marginMs = keyGiven ? 15 * 60_000 : 5 * 60_000;
  return { repeatPossible: keyGiven || message.receiveCount > 1, sinceMs: message.sentAtMs - marginMs };
}
