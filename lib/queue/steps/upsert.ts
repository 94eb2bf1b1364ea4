import * as z from 'zod/mini';
import { InvalidInputError } from '../../core/errors.ts';
import { createOnce, UnreadableAnswerError } from '../../operations/create-once.ts';
import { deriveUpsertSysId } from '../../operations/identity.ts';
import type { Steps } from '../../operations/steps.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import type { ServiceNowRequest } from '../../servicenow/request.ts';
import { tablePath } from '../../servicenow/url.ts';
import type { Done } from '../done.ts';
import { type Update, updateRecord, writeQuery } from './update.ts';

/** A record that is updated where the match finds it, and created where not. */
export type Upsert = Omit<Update, 'sysId'> & { readonly match: Readonly<Record<string, string>> };

/**
 * Updates the record that matches, or creates it under a sys_id derived from table and match: of two that race, the
 * instance's primary key lets one through, and the other updates.
 * @throws InvalidInputError when more than one record matches; what a call failed with
 */
export function* upsertRecord(upsert: Upsert): Steps<Done> {
  const found = yield* findMatch(upsert);
  if (found !== undefined) return yield* updateRecord({ ...upsert, sysId: found });
  const sysId = deriveUpsertSysId(upsert.table, upsert.match);
  const created = yield* createOnce({
    table: upsert.table,
    record: { ...upsert.match, ...upsert.record },
    identity: { kind: 'sys_id', sysId },
    query: writeQuery(upsert.inputDisplayValue),
  });
  if (created.kind === 'created') return 'done';
  // Ours with its answer lost, or another's: an update makes both the same, and looks for journal entries first.
  const journal = { ...upsert.journal, repeatPossible: true };
  return yield* updateRecord({ ...upsert, sysId: created.sysId, journal });
}

function* findMatch({ table, match }: Upsert): Steps<string | undefined> {
  const outcome = yield { request: matchRequest(table, match) };
  if (outcome.kind === 'failed') throw outcome.error;
  const rows = readRows(outcome.response.body, Object.keys(match));
  if (rows.length > 1)
    throw new InvalidInputError('match', 'finds more than one record; add a column that tells them apart');
  return rows[0]?.['sys_id'];
}

function matchRequest(table: string, match: Readonly<Record<string, string>>): ServiceNowRequest {
  const equalities = Object.entries(match).reduce(
    (query, [column, value]) => query.where(column, '=', value),
    encodedQuery(),
  );
  const query = new URLSearchParams({
    sysparm_query: equalities.toString(),
    sysparm_fields: ['sys_id', ...Object.keys(match)].join(','),
    sysparm_limit: '2',
    sysparm_exclude_reference_link: 'true',
  });
  return { method: 'GET', path: tablePath(table), query, repeatable: 'idempotent' };
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
