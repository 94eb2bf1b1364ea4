import { InvalidInputError } from '../../core/errors.ts';
import { createOnce, type Identity } from '../../operations/create-once.ts';
import { deriveSysId } from '../../operations/identity.ts';
import type { Steps } from '../../operations/steps.ts';
import type { Done } from '../done.ts';
import type { RecordMessage } from '../record-message.ts';
import type { Write } from '../write.ts';
import { deleteRecord } from './delete.ts';
import type { JournalWindow } from './journal.ts';
import { updateRecord, writeQuery } from './update.ts';
import { upsertRecord } from './upsert.ts';

/** The calls that one message needs. @param byCorrelationId true for tables that refuse a given sys_id */
export function* stepsOf(write: Write, byCorrelationId: (table: string) => boolean): Steps<Done> {
  const { work } = write;
  const inputDisplayValue = work.options?.inputDisplayValue ?? false;
  switch (work.action) {
    case 'create': {
      const identity = identityOf(write.key, work, byCorrelationId(work.table));
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

type Create = Extract<RecordMessage, { action: 'create' }>;

function identityOf(key: string, { table, record }: Create, byCorrelationId: boolean): Identity {
  if (!byCorrelationId) return { kind: 'sys_id', sysId: deriveSysId(table, key) };
  if (record['correlation_id'] === undefined)
    return { kind: 'correlation_id', correlationId: correlationIdOf(table, key) };
  throw new InvalidInputError(
    'record.correlation_id',
    'holds the key in this table; give it as "key" instead',
  );
}

/** The key itself where the column holds it (100 characters), so that people recognise it; else what is derived from it. */
function correlationIdOf(table: string, key: string): string {
  return /^[\w.:/@-]{1,100}$/.test(key) ? key : deriveSysId(table, key);
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
