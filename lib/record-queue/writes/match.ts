import * as z from 'zod/mini';
import { InvalidInputError } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { AccessDeniedError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { getRequest, listRequest } from '../../servicenow/records.ts';
import type { RecordCommand } from '../message.ts';
import type { WriteContext } from './write-context.ts';

/** Columns and their values, as an instance gives them. */
export type Row = Readonly<Record<string, string>>;

const shown = z.object({ value: z.string(), display_value: z.optional(z.nullable(z.string())) });
const holderAnswer = z.object({ result: z.record(z.string(), shown) });
const rowsAnswer = z.object({ result: z.array(z.record(z.string(), z.string())) });

/** A record under a sys_id of the match: the columns of the match as they are stored and displayed. */
export type Holder = Readonly<Record<string, z.output<typeof shown>>>;

/** By which columns an upsert finds its record. */
export class Match {
  readonly columns: Row;
  readonly #table: string;
  readonly #send: WriteContext['send'];

  constructor(table: string, columns: Row, send: WriteContext['send']) {
    this.#table = table;
    this.columns = columns;
    this.#send = send;
  }

  /**
   * The record that matches now.
   * @throws InvalidInputError when more than one record matches, or one that the user may not read
   */
  async find(): Promise<Row | undefined> {
    const { rows, total } = await this.search(this.columns, false);
    if (total > 1)
      throw new InvalidInputError(
        'match',
        'finds more than one record; add a column that distinguishes them',
      );
    if (total > rows.length)
      throw new InvalidInputError('match', 'finds a record that the user may not read');
    const [row] = rows;
    // An empty flag counts as false.
    const empty = Object.entries(this.columns).find(
      ([column, wanted]) =>
        !column.includes('.') && row?.[column] === '' && !/^(?:false|0)$/i.test(wanted.trim()),
    );
    if (empty !== undefined)
      throw new InvalidInputError(
        `match.${empty[0]}`,
        'finds a record whose column is empty: the instance does not take the value for text (NULL stands for none)',
      );
    return row;
  }

  /** The total is blind to access controls (docs/servicenow-contract.md 1.4): a record that is hidden would be created again. */
  async search(columns: Row, isReconciling: boolean) {
    const request = searchRequest(this.#table, columns);
    const { body, headers } = await this.#send({ request, isReconciling });
    const rows = readRows(body, Object.keys(columns));
    return { rows, total: Math.max(rows.length, Number(headers['x-total-count'] ?? 0)) };
  }

  /**
   * The columns of the match as a record holds them now; undefined when it is not shown.
   * @throws InvalidInputError when the record has no such column: an instance may answer a condition on it with no record at all
   * (docs/servicenow-contract.md 2.3), and each upsert would create the next one
   */
  async readHolder(sysId: string, isReconciling: boolean): Promise<Holder | undefined> {
    const request = getRequest({
      table: this.#table,
      sysId,
      fields: ['sys_id', 'sys_mod_count', ...Object.keys(this.columns)],
      displayValue: 'all',
      excludeReferenceLink: true,
    });
    try {
      const { body } = await this.#send({ request, isReconciling });
      const parsed = z.safeParse(holderAnswer, body);
      if (!parsed.success) throw new UnreadableAnswerError('match: the instance answered without a record');
      const unknown = this.unknownColumnOf(parsed.data.result);
      if (unknown !== undefined) throw unknownColumnError(unknown);
      return parsed.data.result;
    } catch (error) {
      if (error instanceof RecordNotFoundError || error instanceof AccessDeniedError) return undefined;
      throw error;
    }
  }

  /** A column of the match that the table has not, as far as this record shows; a column of another record may be missing. */
  unknownColumnOf(record: Readonly<Record<string, unknown>>): string | undefined {
    const columns = Object.keys(this.columns);
    return columns.find((column) => !column.includes('.') && !Object.hasOwn(record, column));
  }

  /** True when the record holds what the match asks for. @param columns other values for its columns */
  isMetBy(holder: Holder, columns = this.columns): boolean {
    return Object.entries(columns).every(([column, wanted]) => {
      const held = Object.hasOwn(holder, column) ? holder[column] : undefined;
      return held !== undefined && (isEqual(held.value, wanted) || isEqual(held.display_value ?? '', wanted));
    });
  }

  /** True when a list and a look at the record say the same. */
  isAsListed(holder: Holder, listed: Row): boolean {
    return Object.keys(this.columns).every((column) => holder[column]?.value === listed[column]);
  }

  /** True when the answer to a create shows that the match may not find the record: a column cannot hold what was given. */
  isStoredDifferently(created: Readonly<Record<string, unknown>>): boolean {
    return Object.entries(this.columns).some(([column, wanted]) =>
      isChanged(column, created[column], wanted),
    );
  }
}

/** As an instance compares: without regard to case and outer blanks, and a boolean by either of its names. */
function isEqual(held: string, wanted: string): boolean {
  const [a, b] = [held.trim().toLowerCase(), wanted.trim().toLowerCase()];
  return a === b || ((a === 'true' || a === 'false') && b === (a === 'true' ? '1' : '0'));
}

/**
 * True when an instance holds something else because it cannot hold what was given: cut, converted, or not written at all. A
 * business rule that sets a value of its own, e.g. closes the record, is no such case: the next upsert creates the next record.
 */
function isChanged(column: string, held: unknown, wanted: string): boolean {
  if (typeof held !== 'string' || isEqual(held, wanted)) return false;
  if (held === '' || column.includes('.') || column === 'sys_id') return true;
  const [stored, given] = [wordsOf(held), wordsOf(wanted)];
  const isSameTime = /^\d{4}-\d\d-\d\d/.test(held) && digitsOf(wanted).startsWith(digitsOf(held));
  return isSameTime || (given.startsWith(stored) && !/^\d/.test(given.slice(stored.length)));
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, '');
}

function wordsOf(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase();
}

/**
 * Which of these upserts of one table find a record as it is now; all of them where that cannot be determined. One look for all.
 */
export async function thoseThatFind(
  upserts: readonly RecordCommand[],
  sysId: string,
  send: WriteContext['send'],
): Promise<readonly RecordCommand[]> {
  const matches = upserts.flatMap((upsert) =>
    upsert.command.action === 'upsert' ? [{ upsert, columns: upsert.command.match }] : [],
  );
  const [first] = matches;
  if (first === undefined) return [];
  const all = Object.assign({}, ...matches.map(({ columns }) => columns));
  const match = new Match(first.upsert.command.table, all, send);
  try {
    const holder = await match.readHolder(sysId, false);
    return matches
      .filter(({ columns }) => holder && match.isMetBy(holder, columns))
      .map(({ upsert }) => upsert);
  } catch {
    return upserts;
  }
}

function searchRequest(table: string, columns: Row): ServiceNowRequest {
  const query = Object.entries(columns).reduce(
    (equalities, [column, value]) => equalities.where(column, '=', value),
    encodedQuery(),
  );
  const fields = ['sys_id', ...Object.keys(columns)];
  return listRequest({ table, query, fields, limit: 2, excludeReferenceLink: true });
}

/** An instance drops a condition on a column that it does not know, and so finds any record (docs/servicenow-contract.md 2.3). */
function readRows(body: unknown, columns: readonly string[]): readonly Row[] {
  const parsed = z.safeParse(rowsAnswer, body);
  if (!parsed.success) throw new UnreadableAnswerError('match: the instance answered without records');
  const [row] = parsed.data.result;
  const unknown = row && columns.find((column) => !Object.hasOwn(row, column));
  if (unknown) throw unknownColumnError(unknown);
  return parsed.data.result;
}

function unknownColumnError(column: string): InvalidInputError {
  return new InvalidInputError(
    `match.${column}`,
    'the table has no such column, or the user may not read it',
  );
}
