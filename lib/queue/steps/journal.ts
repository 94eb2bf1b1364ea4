import * as z from 'zod/mini';
import { UnreadableAnswerError } from '../../operations/create-once.ts';
import type { Steps } from '../../operations/steps.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { tablePath } from '../../servicenow/url.ts';

/** When an earlier try of the same work may have written its entries. */
export type JournalWindow = {
  /** True when the work may have been tried before: handed out again, or sent twice under one key. */
  readonly repeatPossible: boolean;
  /** Milliseconds since the Unix epoch; older entries are others' and not looked at. */
  readonly sinceMs: number;
};

type JournalWrite = {
  readonly sysId: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly journal: JournalWindow;
};

const journalColumns = ['work_notes', 'comments'];
const entry = z.object({ element: z.string(), value: z.string() });
const entries = z.object({ result: z.array(entry) });

/**
 * True when the instance already holds every journal entry that this record would add. Needs read access to
 * `sys_journal_field`.
 * @throws what the look-up failed with
 */
export function* holdsEntries({ sysId, record, journal }: JournalWrite): Steps<boolean> {
  const columns = journalColumns.filter((column) => record[column] !== undefined && record[column] !== '');
  const query = encodedQuery()
    .where('element_id', '=', sysId)
    .oneOf('element', columns)
    .where('sys_created_on', '>=', toInstanceTime(journal.sinceMs));
  const outcome = yield {
    settles: true,
    request: {
      method: 'GET',
      path: tablePath('sys_journal_field'),
      query: new URLSearchParams({ sysparm_query: query.toString(), sysparm_fields: 'element,value' }),
      repeatable: 'idempotent',
    },
  };
  if (outcome.kind === 'failed') throw outcome.error;
  const parsed = z.safeParse(entries, outcome.response.body);
  if (!parsed.success)
    throw new UnreadableAnswerError('sys_journal_field: answered without element and value');
  return columns.every((column) =>
    parsed.data.result.some(({ element, value }) => element === column && sameText(value, record[column])),
  );
}

/** Line ends and outer blanks may change on the way into a journal. */
function sameText(stored: string, given: unknown): boolean {
  return normal(stored) === normal(String(given));
}

function normal(text: string): string {
  return text.replaceAll('\r\n', '\n').trim();
}

/** `yyyy-MM-dd HH:mm:ss` in UTC, as literal times in a query are read (contract 2.1). */
function toInstanceTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
