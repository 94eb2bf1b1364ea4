import { createOnce } from '../../operations/create-once.ts';
import type { IdentityOf } from '../../operations/identity.ts';
import type { Steps } from '../../operations/steps.ts';
import type { Done } from '../done.ts';
import type { Write } from '../write.ts';
import { deleteRecord } from './delete.ts';
import type { JournalWindow } from './journal.ts';
import { type JournalAccount, notesIn } from './journal-account.ts';
import { updateRecord, writeQuery } from './update.ts';
import { upsertRecord } from './upsert.ts';

/** What the writes of one instance have in common. */
export type StepsContext = { readonly identityOf: IdentityOf; readonly account: JournalAccount };

/** The calls that one message needs. */
export function* stepsOf(write: Write, { identityOf, account }: StepsContext): Steps<Done> {
  const { work } = write;
  const inputDisplayValue = work.options?.inputDisplayValue ?? false;
  switch (work.action) {
    case 'create': {
      const identity = identityOf(work.table, write.key);
      const created = yield* createOnce({ ...work, identity, query: writeQuery(inputDisplayValue) });
      if (created.kind === 'found') return 'repeated';
      if (identity.kind === 'sys_id') account.addWritten(notesIn(work.record, identity.sysId, write.key));
      return 'done';
    }
    case 'update':
      return yield* updateRecord({ ...work, inputDisplayValue, journal: journalWindow(write, account) });
    case 'upsert': {
      const ownSysId = identityOf(work.table, write.key).kind === 'sys_id';
      const journal = journalWindow(write, account);
      return yield* upsertRecord({ ...work, inputDisplayValue, journal, ownSysId });
    }
    case 'delete':
      return yield* deleteRecord(work);
  }
}

/** By how much the instance's clock may differ from that of SQS. */
const skewMs = 2 * 60_000;

/** For so long a sender repeats what it is not sure of: Lambda repeats a failed invocation after one and two minutes. */
const senderRepeatsMs = 3 * 60_000;

/**
 *   sent ── first received ──┬── tried ── lost ── received again
 *                            └ a redelivery's entries are after this
 *   Under a given key another copy may have been sent, and written, a little before this one was sent.
 */
function journalWindow({ message, key, keyGiven }: Write, account: JournalAccount): JournalWindow {
  const sinceMs = keyGiven ? message.sentAtMs - senderRepeatsMs : message.firstReceivedAtMs - skewMs;
  return { key, repeatPossible: keyGiven || message.receiveCount > 1, sinceMs, account };
}
