import { mayHaveTakenEffect } from '../../core/errors.ts';
import type { Steps } from '../../operations/steps.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import { writesJournal } from '../../servicenow/records.ts';
import { updateRequest } from '../../servicenow/requests.ts';
import type { Done } from '../done.ts';
import { holdsEntries, type JournalWindow } from './journal.ts';
import { notesIn } from './journal-account.ts';

/** An update of one record. */
export type Update = {
  readonly table: string;
  readonly sysId: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly inputDisplayValue: boolean;
  /** Where to look for journal entries of an earlier try. */
  readonly journal: JournalWindow;
};

/**
 * Updates a record. Without journal columns that may be repeated at will; with them, the entries are looked for first when
 * an earlier try is possible, and again when an answer was lost, so that no note is written twice.
 * @throws what the update failed with
 */
export function* updateRecord(update: Update): Steps<Done> {
  if (writesJournal(update.record)) return yield* writeNotes(update);
  const outcome = yield { request: requestOf(update), changes: update.sysId };
  if (outcome.kind === 'answered') return 'done';
  throw outcome.error;
}

function* writeNotes(update: Update): Steps<Done> {
  const { journal } = update;
  const notes = notesIn(update.record, update.sysId, journal.key);
  if (journal.account.isDone(notes)) return 'repeated';
  if (journal.repeatPossible && (yield* holdsEntries(notes, journal))) return 'repeated';
  const outcome = yield { request: requestOf(update), changes: update.sysId };
  if (outcome.kind === 'answered') {
    journal.account.addWritten(notes);
    return 'done';
  }
  if (mayHaveTakenEffect(outcome.error) && (yield* holdsEntries(notes, journal))) return 'repeated';
  throw outcome.error;
}

function requestOf({ table, sysId, record, inputDisplayValue }: Update): ServiceNowRequest {
  return updateRequest({ table, sysId, record, parameters: writeQuery(inputDisplayValue) });
}

/** Answers to writes are not read beyond their status, so that one column is enough. */
export function writeQuery(inputDisplayValue: boolean): URLSearchParams {
  const query = new URLSearchParams({ sysparm_fields: 'sys_id' });
  if (inputDisplayValue) query.set('sysparm_input_display_value', 'true');
  return query;
}
