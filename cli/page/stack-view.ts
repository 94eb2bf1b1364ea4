import * as z from 'zod';
import type { StoredObject } from '../../emulator/aws/s3/object-table.ts';
import type { LedgerEntry } from '../../emulator/instance/ledger.ts';
import type { Row } from '../../emulator/instance/row.ts';
import type { Stack } from '../../emulator/stack/stack.ts';

/** What the page needs of a stack. */
export type PageStack = Pick<
  Stack,
  'endpoints' | 'functionEnvironment' | 'instance' | 's3' | 'secretOwner' | 'sqs'
>;

/** Messages of a queue: those that wait, are worked on, and come back later. */
export type QueueView = {
  readonly name: string;
  readonly waiting: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly oldestMs: number | undefined;
};

export type DeadLetterView = {
  readonly queue: string;
  readonly messageId: string;
  readonly at: string;
  readonly code: string;
  readonly reason: string;
  readonly key: string;
  readonly requestId: string;
  readonly body: string;
};

export type ImportView = {
  readonly key: string;
  readonly folder: string;
  readonly status: string;
  readonly isRunning: boolean;
  readonly startedAt: string;
  readonly reason: string | undefined;
  readonly rows: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Bytes of the file that were read, and all; while it runs. */
  readonly progress: { readonly read: number; readonly total: number } | undefined;
  readonly hasReport: boolean;
};

export type TableView = { readonly name: string; readonly label: string; readonly rows: number };

const progressFile = z.object({
  version: z.string().default(''),
  phase: z.string(),
  startedAt: z.string(),
  bytes: z.object({ read: z.number(), total: z.number() }),
  rows: z.number(),
  counts: z.record(z.string(), z.number()),
});
const summaryFile = z.object({
  status: z.string(),
  reason: z.string().optional(),
  source: z.object({ key: z.string() }),
  startedAt: z.string(),
  lines: z.object({ rows: z.number() }),
  counts: z.record(z.string(), z.number()),
});
type Read = { readonly eTag: string; readonly parsed: unknown };

const mostLetters = 200;
const mostImports = 30;

/** What the page reads of a running stack. Reading changes nothing: no message is received, no request is sent. */
export class StackView {
  readonly stack: PageStack;
  readonly #files = new Map<string, Read>();

  constructor(stack: PageStack) {
    this.stack = stack;
  }

  /** The records queue. */
  recordsQueue(): QueueView {
    return this.#queue(this.stack.endpoints.sqs.recordsQueueUrl);
  }

  /** Letters of all dead-letter queues. */
  countDeadLetters(): number {
    const queues = this.#letterQueues().map(({ url }) => this.#queue(url));
    return queues.reduce((sum, { waiting, inFlight, delayed }) => sum + waiting + inFlight + delayed, 0);
  }

  /** The newest of all dead-letter queues, the last first. */
  deadLetters(): DeadLetterView[] {
    const letters = this.#letterQueues().flatMap(({ url }) => this.#lettersOf(url, mostLetters));
    return letters.toSorted((a, b) => b.at.localeCompare(a.at)).slice(0, mostLetters);
  }

  /** How many letters of all dead-letter queues have each error code. */
  countByCode(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { code } of this.#letterQueues().flatMap(({ url }) => this.#lettersOf(url)))
      counts.set(code, (counts.get(code) ?? 0) + 1);
    return counts;
  }

  #letterQueues() {
    return this.stack.endpoints.sqs.queues.filter(({ deadLettersOf }) => deadLettersOf !== undefined);
  }

  #lettersOf(url: string, most = Number.MAX_SAFE_INTEGER): DeadLetterView[] {
    const { state } = this.stack.sqs;
    const { name } = state.queues.byUrl(url);
    return state.messages.peek(name, most).map(({ id, sentMs, body, attributes, sourceArn }) => {
      const text = (name: string) => attributes[name]?.StringValue;
      return {
        queue: name,
        messageId: id,
        at: new Date(sentMs).toISOString(),
        code: text('ErrorCode') ?? (sourceArn === null ? 'UNKNOWN' : 'RECEIVED_TOO_OFTEN'),
        reason: text('ErrorMessage') ?? 'SQS moved it here; the log of its last attempts says why',
        key: text('IdempotencyKey') ?? id,
        requestId: text('RequestId') ?? '',
        body,
      };
    });
  }

  /** Of the newest imports, the last begun first. */
  async imports(): Promise<ImportView[]> {
    const { state } = this.stack.s3;
    const { bucket } = this.stack.endpoints.s3;
    const folders = new Map<string, Map<string, StoredObject>>();
    for (const object of state.objects.list(bucket, 'results/', '')) {
      const at = object.key.lastIndexOf('/') + 1;
      const folder = object.key.slice(0, at);
      if (folder.includes('/work/')) continue;
      const files = folders.get(folder) ?? new Map<string, StoredObject>();
      folders.set(folder, files.set(object.key.slice(at), object));
    }
    const lastChange = (files: ReadonlyMap<string, StoredObject>) =>
      Math.max(...[...files.values()].map(({ modifiedMs }) => modifiedMs));
    const newest = [...folders]
      .toSorted(([, a], [, b]) => lastChange(b) - lastChange(a))
      .slice(0, mostImports);
    const views = await Promise.all(newest.map(([folder, files]) => this.#import(folder, files)));
    return views
      .filter((view) => view !== undefined)
      .toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  async #import(folder: string, files: ReadonlyMap<string, StoredObject>): Promise<ImportView | undefined> {
    const hasReport = files.has('report.html');
    const summary = summaryFile.safeParse(await this.#json(files.get('summary.json'))).data;
    if (summary) {
      const { source, status, startedAt, reason, lines, counts } = summary;
      const progress = undefined;
      const isRunning = false;
      return {
        key: source.key,
        folder,
        status,
        isRunning,
        startedAt,
        reason,
        rows: lines.rows,
        counts,
        progress,
        hasReport,
      };
    }
    const running = progressFile.safeParse(await this.#json(files.get('progress.json'))).data;
    if (!running) return undefined;
    const { phase, startedAt, rows, counts, bytes } = running;
    return {
      key: this.#dropOf(folder, running.version),
      folder,
      status: phase,
      isRunning: true,
      startedAt,
      reason: undefined,
      rows,
      counts,
      progress: bytes,
      hasReport,
    };
  }

  /** The key of a file whose import runs: its results folder has no ending. */
  #dropOf(folder: string, version: string): string {
    const name = folder.replace(/^results\//, 'imports/').replace(/\/[^/]*\/$/, '');
    const { state } = this.stack.s3;
    const drops = state.objects.list(this.stack.endpoints.s3.bucket, `${name}.`, '');
    const drop = [...drops].find(({ versionId, etag }) => versionId === version || etag === version);
    return drop?.key ?? name;
  }

  /** A file is read once for each of its versions. */
  async #json(object: StoredObject | undefined): Promise<unknown> {
    if (!object) return undefined;
    const known = this.#files.get(object.key);
    if (known?.eTag === object.etag) return known.parsed;
    const text = await this.text(object);
    const parsed = parseJson(text);
    this.#files.set(object.key, { eTag: object.etag, parsed });
    return parsed;
  }

  /** An object of the bucket; undefined when there is none. */
  find(key: string): StoredObject | undefined {
    return this.stack.s3.state.current(this.stack.endpoints.s3.bucket, key);
  }

  async text(object: StoredObject): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of this.read(object)) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces).toString('utf8');
  }

  read({ blobs, size }: StoredObject) {
    return this.stack.s3.state.blobs.read(blobs, 0, size - 1);
  }

  /** The newest requests that the instance saw, the last first. */
  requests(most: number): LedgerEntry[] {
    return this.stack.instance.state.ledger.select({ limit: most }).toReversed();
  }

  /** Records created since the start, by table: not the rows and sets of imports, and nothing that the platform keeps for itself. */
  created(): readonly (readonly [table: string, count: number])[] {
    const { ledger, schema } = this.stack.instance.state;
    return Object.entries(ledger.counters())
      .filter(([table, { insert }]) => insert > 0 && !isInternal(table, schema.ancestry(table)))
      .map(([table, { insert }]) => [table, insert] as const)
      .toSorted(([, a], [, b]) => b - a);
  }

  /** Tables that hold rows, those that a person looks for first. */
  tables(): TableView[] {
    const { schema, store } = this.stack.instance.state;
    return schema
      .tables()
      .map(({ name, label }) => ({ name, label, rows: store.count(name) }))
      .filter(({ rows }) => rows > 0)
      .toSorted(
        (a, b) =>
          Number(a.name.startsWith('sys_')) - Number(b.name.startsWith('sys_')) ||
          a.name.localeCompare(b.name),
      );
  }

  /** The newest rows of a table, with the most informative columns; undefined for an unknown table. */
  rows(
    table: string,
    most: number,
  ): { readonly columns: readonly string[]; readonly rows: readonly Row[] } | undefined {
    const { schema, store } = this.stack.instance.state;
    if (!schema.table(table)) return undefined;
    const known = new Set(schema.columns(table).map(({ name }) => name));
    const wanted = [schema.displayColumn(table), ...informative].filter((name) => known.has(name));
    const columns = [...new Set(wanted)].slice(0, 6);
    const orderBy = known.has('sys_created_on') ? 't0."sys_created_on" DESC' : undefined;
    const rows = store.select(table, { limit: most, ...(orderBy && { orderBy }) });
    return { columns, rows };
  }

  record(table: string, sysId: string): Row | undefined {
    const { schema, store } = this.stack.instance.state;
    return schema.table(table) && store.find(table, sysId);
  }

  #queue(url: string): QueueView {
    const { queues, messages, clock } = this.stack.sqs.state;
    const { name } = queues.byUrl(url);
    const { visible, inFlight, delayed } = messages.counts(name, clock.now());
    const sentMs = messages.oldestSentMs(name);
    const oldestMs = sentMs === undefined ? undefined : clock.now() - sentMs;
    return { name, waiting: visible, inFlight, delayed, oldestMs };
  }
}

const informative = [
  'number',
  'user_name',
  'name',
  'short_description',
  'state',
  'email',
  'correlation_id',
  'sys_created_on',
  'sys_updated_on',
  'sys_id',
];

function isInternal(table: string, ancestry: readonly { readonly name: string }[]): boolean {
  const isPlatforms = table.startsWith('sys_') && !table.startsWith('sys_user');
  return isPlatforms || ancestry.some(({ name }) => name === 'sys_import_set_row');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It is being written, or something else was put there.
    return undefined;
  }
}
