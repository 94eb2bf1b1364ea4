import * as z from 'zod/mini';
import type { Clock } from '../core/clock.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { type EncodedQuery, encodedQuery } from '../servicenow/encoded-query.ts';
import { journalColumns, listRequest, mayBeJournal } from '../servicenow/records.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';

/** How long the dictionary of an instance is trusted, and how long it is not asked again for what it did not give. */
const trustedMs = 3_600_000;
const notFoundMs = 60_000;
const notReadableMs = 600_000;

/** A class of the CMDB may be eight levels below its root. */
const levels = 10;

const tableRows = z.object({ result: z.array(z.record(z.string(), z.unknown())) });
const text = z._default(z.string(), '');
const columnRows = z.object({
  result: z.array(
    z.object({
      name: z.string(),
      element: z.string(),
      internal_type: text,
      max_length: text,
      reference: text,
    }),
  ),
});
const journalRows = z.object({ result: z.array(z.object({ name: z.string(), element: z.string() })) });

type Sender = Pick<ServiceNowClient, 'send'>;

type Ancestors = {
  /** The table and those that it extends, the nearest first, as far as the user may read them. */
  readonly names: readonly string[];
  /** False where the user may not read which table it extends. */
  readonly areKnown: boolean;
};

/** What an instance says about its tables and columns, read when it is first asked for and then kept for an hour. */
class Dictionary {
  readonly #client: Sender;
  readonly #clock: Clock;
  readonly #ancestors: Cache<Ancestors>;

  constructor(client: Sender, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#ancestors = this.cache(({ names }) => names.length > 1);
  }

  cache<T>(isFound: (value: T) => boolean, againMs = notFoundMs): Cache<T> {
    return new Cache(this.#clock, isFound, againMs);
  }

  ancestorsOf(table: string, context: CallContext): Promise<Ancestors> {
    return this.#ancestors.get(table, async () => {
      const fields = Array.from({ length: levels }, (_, level) => `${'super_class.'.repeat(level)}name`);
      const query = encodedQuery().where('name', '=', table);
      const [row] =
        z.safeParse(tableRows, await this.list('sys_db_object', query, fields, context)).data?.result ?? [];
      const names = fields
        .map((field) => row?.[field])
        .filter((name) => typeof name === 'string' && name !== '');
      const areKnown = typeof row?.['super_class.name'] === 'string';
      return { names: [...new Set([table, ...names.map(String)])], areKnown };
    });
  }

  /** The body of the answer; undefined when the user may not have it. @throws ServiceNowError when the instance cannot be asked now */
  async list(
    table: string,
    query: EncodedQuery,
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

/** Keeps answers, and for a shorter time that there was none. Calls at the same time share one; one that failed is forgotten. */
class Cache<T> {
  readonly #kept = new Map<string, { readonly value: Promise<T>; readonly untilMs: number }>();
  readonly #clock: Clock;
  readonly #isFound: (value: T) => boolean;
  readonly #againMs: number;

  constructor(clock: Clock, isFound: (value: T) => boolean, againMs: number) {
    this.#clock = clock;
    this.#isFound = isFound;
    this.#againMs = againMs;
  }

  async get(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key);
    if (known && this.#clock.now() < known.untilMs) return known.value;
    const value = read();
    this.#keep(key, value, trustedMs);
    try {
      if (!this.#isFound(await value)) this.#keep(key, value, this.#againMs);
    } catch (error) {
      this.#kept.delete(key);
      throw error;
    }
    return value;
  }

  #keep(key: string, value: Promise<T>, forMs: number): void {
    this.#kept.set(key, { value, untilMs: this.#clock.now() + forMs });
  }
}

/** What the dictionary says of a column. */
export type DictionaryColumn = {
  /** `internal_type`, e.g. `glide_date_time`. */
  readonly type: string;
  /** In characters; 0 where none is given. */
  readonly maxLength: number;
  /** The table that it refers to, lower case; '' for a column that is no reference. */
  readonly reference: string;
};

/** The columns of an instance's tables, by name. */
export type TableColumns = {
  /**
   * The columns of a table and of those that it extends; none where the user may not read them.
   * @throws ServiceNowError when the instance cannot be asked right now
   */
  of(table: string, context: CallContext): Promise<ReadonlyMap<string, DictionaryColumn>>;
  /** True where `of` gives all of them: the user may read which tables the table extends. @throws ServiceNowError */
  areWhole(table: string, context: CallContext): Promise<boolean>;
};

function createTableColumns(dictionary: Dictionary): TableColumns {
  const kept = dictionary.cache<ReadonlyMap<string, DictionaryColumn>>(({ size }) => size > 0);
  const fields = ['name', 'element', 'internal_type', 'max_length', 'reference'];
  const read = async (table: string, context: CallContext) => {
    const { names: tables } = await dictionary.ancestorsOf(table, context);
    const query = encodedQuery().oneOf('name', tables).isNotEmpty('element');
    const body = await dictionary.list('sys_dictionary', query, fields, context);
    const found = z.safeParse(columnRows, body).data?.result ?? [];
    // The definition nearest to the table counts, so that it comes last; it may leave out what it takes over.
    const columns = new Map<string, DictionaryColumn>();
    for (const row of found.toSorted((a, b) => tables.indexOf(b.name) - tables.indexOf(a.name))) {
      const before = columns.get(row.element);
      columns.set(row.element, {
        type: row.internal_type || (before?.type ?? ''),
        maxLength: Number(row.max_length) || (before?.maxLength ?? 0),
        reference: row.reference.toLowerCase() || (before?.reference ?? ''),
      });
    }
    return columns;
  };
  const of = (table: string, context: CallContext) => kept.get(table, () => read(table, context));
  return {
    of,
    areWhole: async (table, context) =>
      (await of(table, context)).size > 0 && (await dictionary.ancestorsOf(table, context)).areKnown,
  };
}

/** The tables that define a journal, by its column. */
type Journals = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Which columns of an instance are journals: writing one twice is not the same as writing it once. Read from `sys_dictionary`
 * (`internal_type` `journal` or `journal_input`), of the table and those it extends. Where the user may not read that, the
 * well-known ones count.
 */
export class JournalColumns {
  /** All columns of a table, journals and others. */
  readonly columns: TableColumns;
  readonly #dictionary: Dictionary;
  readonly #journals: Cache<Journals>;
  #known: Journals = new Map();

  constructor(client: Sender, clock: Clock) {
    this.#dictionary = new Dictionary(client, clock);
    this.columns = createTableColumns(this.#dictionary);
    this.#journals = this.#dictionary.cache((journals) => journals.size > 0, notReadableMs);
  }

  /**
   * Those of these columns that are journals of this table.
   * @throws ServiceNowError when the instance cannot be asked right now
   */
  async among(table: string, columns: readonly string[], context: CallContext): Promise<readonly string[]> {
    const others = columns.filter((column) => !journalColumns.includes(column));
    const journals: Journals =
      others.length === 0 ? new Map() : await this.#journals.get('', () => this.#read(context));
    const candidates = others.filter((column) => journals.has(column));
    const tables =
      candidates.length === 0 ? [] : (await this.#dictionary.ancestorsOf(table.toLowerCase(), context)).names;
    return columns.filter(
      (column) =>
        journalColumns.includes(column) ||
        (candidates.includes(column) && tables.some((name) => journals.get(column)?.has(name))),
    );
  }

  /**
   * As `among`, for writes that need no certainty: the instance is asked only where a column was added to what it came with, and
   * what it cannot answer now is not known.
   */
  async likelyAmong(
    table: string,
    columns: readonly string[],
    context: CallContext,
  ): Promise<readonly string[]> {
    if (!columns.some((column) => mayBeJournal(table, column))) return this.knownAmong(columns);
    return this.among(table, columns, context).catch(() => this.knownAmong(columns));
  }

  /** Those of these columns that are journals of some table, as far as that is known without asking the instance. */
  knownAmong(columns: readonly string[]): readonly string[] {
    return columns.filter((column) => journalColumns.includes(column) || this.#known.has(column));
  }

  async #read(context: CallContext): Promise<Journals> {
    const query = encodedQuery().oneOf('internal_type', ['journal', 'journal_input']).isNotEmpty('element');
    const body = await this.#dictionary.list('sys_dictionary', query, ['name', 'element'], context);
    const rows = z.safeParse(journalRows, body).data?.result ?? [];
    const byColumn = Map.groupBy(rows, ({ element }) => element);
    this.#known = new Map(
      [...byColumn].map(([column, found]) => [column, new Set(found.map(({ name }) => name))]),
    );
    return this.#known;
  }
}

const journalsByClient = new WeakMap<object, JournalColumns>();

/** Those of the instance that a client stands for: what was read of its dictionary is kept between calls. */
export function journalColumnsOf(client: Sender, clock: Clock): JournalColumns {
  const known = journalsByClient.get(client) ?? new JournalColumns(client, clock);
  journalsByClient.set(client, known);
  return known;
}

/** Where reference columns lead. */
export type ReferenceTargets = {
  /** The table that a column refers to, lower case; undefined when it is no reference or cannot be read. @throws ServiceNowError */
  of(table: string, column: string, context: CallContext): Promise<string | undefined>;
  /** True where the user may read which columns the table has. @throws ServiceNowError */
  knows(table: string, context: CallContext): Promise<boolean>;
};

/** Those of the instance that a client stands for. */
export function referenceTargetsOf(client: Sender, clock: Clock): ReferenceTargets {
  const { columns } = journalColumnsOf(client, clock);
  return {
    of: async (table, column, context) =>
      (await columns.of(table, context)).get(column)?.reference || undefined,
    knows: async (table, context) => (await columns.of(table, context)).size > 0,
  };
}
