import * as z from 'zod/mini';
import type { Clock } from '../core/clock.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { journalColumns, listRequest } from '../servicenow/records.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';

/** How long the dictionary of an instance is trusted, and how long it is not asked again when it could not be read. */
const trustedMs = 3_600_000;
const notReadableMs = 600_000;

const columnRows = z.object({ result: z.array(z.object({ name: z.string(), element: z.string() })) });
const tableRows = z.object({ result: z.array(z.record(z.string(), z.unknown())) });

/** A class of the CMDB may be eight levels below its root. */
const levels = 10;

type Kept<T> = { readonly value: Promise<T>; readonly untilMs: number };

/**
 * Which columns of an instance are journals: writing one twice is not the same as writing it once. Read from `sys_dictionary`
 * (`internal_type` `journal` or `journal_input`), of the table and those it extends. Where the user may not read that, the
 * well-known ones count.
 */
export class JournalColumns {
  readonly #client: Pick<ServiceNowClient, 'send'>;
  readonly #clock: Clock;
  /** The tables that define a journal, by its column. */
  #dictionary: Kept<ReadonlyMap<string, ReadonlySet<string>>> | undefined;
  #known: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  readonly #ancestors = new Map<string, Kept<readonly string[]>>();

  constructor(client: Pick<ServiceNowClient, 'send'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * Those of these columns that are journals of this table.
   * @throws ServiceNowError when the instance cannot be asked right now
   */
  async among(table: string, columns: readonly string[], context: CallContext): Promise<readonly string[]> {
    const others = columns.filter((column) => !journalColumns.includes(column));
    const dictionary = others.length === 0 ? new Map() : await this.#readDictionary(context);
    const candidates = others.filter((column) => dictionary.has(column));
    const tables = candidates.length === 0 ? [] : await this.#readAncestors(table, context);
    return columns.filter(
      (column) =>
        journalColumns.includes(column) ||
        (candidates.includes(column) && tables.some((name) => dictionary.get(column)?.has(name))),
    );
  }

  /** Those of these columns that are journals of some table, as far as that is known without asking the instance. */
  knownAmong(columns: readonly string[]): readonly string[] {
    return columns.filter((column) => journalColumns.includes(column) || this.#known.has(column));
  }

  async #readDictionary(context: CallContext): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const kept = this.#dictionary;
    if (kept && this.#clock.now() < kept.untilMs) return kept.value;
    const reading = this.#fetchDictionary(context);
    this.#dictionary = { value: reading, untilMs: this.#clock.now() + trustedMs };
    try {
      const value = await reading;
      this.#known = value;
      if (value.size === 0) this.#dictionary = { value: reading, untilMs: this.#clock.now() + notReadableMs };
      return value;
    } catch (error) {
      this.#dictionary = undefined;
      throw error;
    }
  }

  async #fetchDictionary(context: CallContext): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const journals = encodedQuery()
      .oneOf('internal_type', ['journal', 'journal_input'])
      .isNotEmpty('element');
    const body = await this.#list('sys_dictionary', journals.toString(), ['name', 'element'], context);
    const rows = z.safeParse(columnRows, body).data?.result ?? [];
    const byColumn = Map.groupBy(rows, ({ element }) => element);
    return new Map([...byColumn].map(([column, found]) => [column, new Set(found.map(({ name }) => name))]));
  }

  async #readAncestors(table: string, context: CallContext): Promise<readonly string[]> {
    const kept = this.#ancestors.get(table);
    if (kept && this.#clock.now() < kept.untilMs) return kept.value;
    const value = this.#fetchAncestors(table.toLowerCase(), context);
    this.#ancestors.set(table, { value, untilMs: this.#clock.now() + trustedMs });
    value.catch(() => this.#ancestors.delete(table));
    return value;
  }

  /** The table and those that it extends, as far as they can be read. */
  async #fetchAncestors(table: string, context: CallContext): Promise<readonly string[]> {
    const fields = Array.from({ length: levels }, (_, level) => `${'super_class.'.repeat(level)}name`);
    const body = await this.#list(
      'sys_db_object',
      encodedQuery().where('name', '=', table).toString(),
      fields,
      context,
    );
    const [row] = z.safeParse(tableRows, body).data?.result ?? [];
    const names = fields
      .map((field) => row?.[field])
      .filter((name) => typeof name === 'string' && name !== '');
    return [table, ...names.map(String)];
  }

  /** The answer, or nothing when the user may not have it. */
  async #list(
    table: string,
    query: string,
    fields: readonly string[],
    context: CallContext,
  ): Promise<unknown> {
    const request = listRequest({ table, query, fields, excludeReferenceLink: true });
    try {
      return (await this.#client.send(request, context)).body;
    } catch (error) {
      if (error instanceof ServiceNowError && error.isPermanent) return undefined;
      throw error;
    }
  }
}

const byClient = new WeakMap<object, JournalColumns>();

/** Those of the instance that a client stands for: what was read of its dictionary is kept between calls. */
export function journalColumnsOf(client: Pick<ServiceNowClient, 'send'>, clock: Clock): JournalColumns {
  const known = byClient.get(client) ?? new JournalColumns(client, clock);
  byClient.set(client, known);
  return known;
}
