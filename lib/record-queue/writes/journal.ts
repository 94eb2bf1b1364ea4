import * as z from 'zod/mini';
import { UnreadableAnswerError } from '../../operations/create-once.ts';
import type { Step, Steps } from '../../operations/steps.ts';
import { encodedQuery, instanceTime } from '../../servicenow/encoded-query.ts';
import { listRequest } from '../../servicenow/requests.ts';
import type { JournalAccount, Notes } from './journal-account.ts';

/** When an earlier try of the same work may have written its entries, and what is known of others'. */
export type JournalWindow = {
  /** By which the work is known. */
  readonly key: string;
  /** True when the work may have been tried before: handed out again, or sent twice under one key. */
  readonly repeatPossible: boolean;
  /** Milliseconds since the Unix epoch; older entries are others' and not looked at. */
  readonly sinceMs: number;
  readonly account: JournalAccount;
};

const entry = z.object({ sys_id: z.string(), element: z.string(), value: z.string() });
const entries = z.object({ result: z.array(entry) });

/**
 * True when the instance holds the entries of these notes already. Needs read access to `sys_journal_field`.
 * @throws UnreadableAnswerError when it holds entries that the user may not see; what the look-up failed with
 */
export function* holdsEntries(notes: Notes, { account, sinceMs }: JournalWindow): Steps<boolean> {
  const outcome = yield lookUp(notes, sinceMs);
  if (outcome.kind === 'failed') throw outcome.error;
  const { body, headers } = outcome.response;
  const parsed = z.safeParse(entries, body);
  // The total is blind to access controls (contract 1.4): hidden entries would pass for none, and be written again.
  if (!parsed.success || parsed.data.result.length < Number(headers['x-total-count'] ?? 0))
    throw new UnreadableAnswerError(
      'sys_journal_field: the user may not read it, so that nobody can tell what was written',
    );
  return account.claim(notes, parsed.data.result, sinceMs);
}

function lookUp({ sysId, texts }: Notes, sinceMs: number): Step {
  const columns = texts.map(([column]) => column);
  const query = encodedQuery()
    .where('element_id', '=', sysId)
    .oneOf('element', columns)
    .where('sys_created_on', '>=', instanceTime(sinceMs))
    .orderBy('sys_created_on');
  const fields = ['sys_id', 'element', 'value'];
  return { settles: true, request: listRequest({ table: 'sys_journal_field', query, fields }) };
}
