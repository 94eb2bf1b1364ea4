import * as z from 'zod/mini';
import { InvalidInputError, mayHaveTakenEffect } from '../../core/errors.ts';
import { createOnce, UnreadableAnswerError } from '../../operations/create-once.ts';
import { deriveUpsertSysId } from '../../operations/identity.ts';
import type { Steps } from '../../operations/steps.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { createRequest, listRequest } from '../../servicenow/requests.ts';
import type { Done } from '../done.ts';
import { notesIn } from './journal-account.ts';
import { type Update, updateRecord, writeQuery } from './update.ts';

/** A record that is updated where the match finds it, and created where not. */
export type Upsert = Omit<Update, 'sysId'> & {
  readonly match: Readonly<Record<string, string>>;
  /** False for tables that refuse a given sys_id: then two that race may both create. */
  readonly ownSysId: boolean;
};

/**
 * Updates the record that matches, or creates it under a sys_id derived from table and match: of two that race, the
 * instance's primary key lets one through, and the other updates.
 * @throws InvalidInputError when more than one record matches; what a call failed with
 */
export function* upsertRecord(upsert: Upsert): Steps<Done> {
  const found = yield* findMatch(upsert, false);
  if (found !== undefined) {
    const updated = yield* updateUnlessGone({ ...upsert, sysId: found });
    if (updated) return updated;
  }
  const other = yield* upsert.ownSysId ? createUnderOwnSysId(upsert) : createUnlessMatched(upsert);
  if (other === undefined) return 'done';
  // Ours with its answer lost, or another's: an update makes both the same, and looks for journal entries first.
  const journal = { ...upsert.journal, repeatPossible: true };
  return yield* updateRecord({ ...upsert, sysId: other, journal });
}

/** Gives nothing when the record was deleted since it was found. */
function* updateUnlessGone(update: Update): Steps<Done | undefined> {
  try {
    return yield* updateRecord(update);
  } catch (error) {
    if (error instanceof RecordNotFoundError) return undefined;
    throw error;
  }
}

/** @returns the sys_id when the record was there before */
function* createUnderOwnSysId(upsert: Upsert): Steps<string | undefined> {
  const { table, match, journal, inputDisplayValue } = upsert;
  const record = newRecord(upsert);
  const sysId = deriveUpsertSysId(table, match);
  const identity = { kind: 'sys_id', sysId } as const;
  const created = yield* createOnce({ table, record, identity, query: writeQuery(inputDisplayValue) });
  if (created.kind === 'found') return created.sysId;
  journal.account.addWritten(notesIn(record, sysId, journal.key));
  return undefined;
}

/** @returns the sys_id of what matches after the answer to the create was lost */
function* createUnlessMatched(upsert: Upsert): Steps<string | undefined> {
  const outcome = yield {
    request: createRequest({
      table: upsert.table,
      parameters: writeQuery(upsert.inputDisplayValue),
      record: newRecord(upsert),
    }),
  };
  if (outcome.kind === 'answered') return undefined;
  const found = mayHaveTakenEffect(outcome.error) ? yield* findMatch(upsert, true) : undefined;
  if (found === undefined) throw outcome.error;
  return found;
}

/** A column of another record, `caller_id.email`, can find a record but not be written with it. */
function newRecord({ match, record }: Upsert): Readonly<Record<string, unknown>> {
  const own = Object.entries(match).filter(([column]) => !column.includes('.'));
  return { ...Object.fromEntries(own), ...record };
}

function* findMatch({ table, match }: Upsert, settles: boolean): Steps<string | undefined> {
  const outcome = yield { request: matchRequest(table, match), settles };
  if (outcome.kind === 'failed') throw outcome.error;
  const { body, headers } = outcome.response;
  const rows = readRows(body, Object.keys(match));
  // The total is blind to access controls (contract 1.4): a record that cannot be seen would be created once more.
  const total = Number(headers['x-total-count'] ?? 0);
  if (rows.length > 1 || total > 1)
    throw new InvalidInputError('match', 'finds more than one record; add a column that tells them apart');
  if (total > rows.length) throw new InvalidInputError('match', 'finds a record that the user may not read');
  return rows[0]?.['sys_id'];
}

function matchRequest(table: string, match: Readonly<Record<string, string>>): ServiceNowRequest {
  const query = Object.entries(match).reduce(
    (conditions, [column, value]) => conditions.where(column, '=', value),
    encodedQuery(),
  );
  const fields = ['sys_id', ...Object.keys(match)];
  return listRequest({ table, query, fields, limit: 2, excludeReferenceLink: true });
}

const rowsAnswer = z.object({ result: z.array(z.record(z.string(), z.string())) });

/** An instance drops a condition on a column that it does not know, and so finds any record (contract 2.3). */
function readRows(body: unknown, columns: readonly string[]): readonly Record<string, string>[] {
  const parsed = z.safeParse(rowsAnswer, body);
  if (!parsed.success) throw new UnreadableAnswerError('match: the instance answered without records');
  const [row] = parsed.data.result;
  const unknown = row && columns.find((column) => row[column] === undefined);
  if (unknown)
    throw new InvalidInputError(`match.${unknown}`, 'the table has no such column, or it may not be read');
  return parsed.data.result;
}
