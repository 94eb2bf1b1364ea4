import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import type { Row } from '../../../emulator/instance/store/row.ts';
import { listObjects, readText } from '../../../lib/aws/s3.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { refuseDynamoDb, refuseS3 } from '../harness/aws-refusals.ts';
import { type Dice, diceOf } from '../harness/dice.ts';
import { type FaultInstance, type FaultStack, setProperty, startFaultStack } from '../harness/fault-stack.ts';
import { type Counts, type Damage, type StormReport, sumOf } from '../harness/storm-report.ts';
import { type Drop, type DropResult, judgeTable } from './import-judge.ts';
import {
  type ImportKind,
  importKinds,
  importMaps,
  importSchema,
  isOddRow,
  mapName,
  rowsPerRequest,
  settleAfterSeconds,
} from './import-tables.ts';
import { readVerdicts } from './results.ts';

export type ImportStormOptions = {
  /** Rows of all files together, about. */
  readonly rows: number;
  readonly seed: number;
  /** Longest time until every drop has its answer, in milliseconds. */
  readonly patienceMs: number;
  readonly onProgress?: (unanswered: number) => void;
};

/** Drops many files at once while everything around the imports misbehaves, and compares every verdict with the instance. */
export async function runImportStorm(options: ImportStormOptions): Promise<StormReport> {
  const random = seededRandom(options.seed);
  const watch = new SecrecyWatch();
  const stack = await startFaultStack({
    watch,
    instance: {
      schema: importSchema,
      data: importMaps,
      demoData: false,
      switches: { transformDelayMs: 50, stagingRowsFromZero: options.seed % 2 === 1 },
    },
    roles: ['admin'],
    environment: {
      ALLOWED_TABLES: Object.values(importKinds)
        .map(({ table }) => table)
        .join(),
      MAX_CONCURRENT_IMPORTS: '4',
    },
    template(template) {
      setProperty(template, 'ImportQueue', 'VisibilityTimeout', 12);
      setProperty(template, 'StartImportLambdaFunction', 'Timeout', 10);
    },
  });
  try {
    const report = await new ImportStorm(stack, diceOf(random), options).run();
    const leaks = await stack.close();
    return {
      ...report,
      damages: [...report.damages, ...leaks.map((text): Damage => ({ kind: 'leak', text }))],
    };
  } finally {
    await stack.close();
  }
}

type PlannedDrop = Drop & { readonly kind: ImportKind; readonly body: string };

class ImportStorm {
  readonly #stack: FaultStack;
  readonly #dice: Dice;
  readonly #options: ImportStormOptions;
  readonly #counts: Record<string, number> = { 'kill -9 of importCsv': 0, 'kill -9 of startImport': 0 };
  readonly #drops: PlannedDrop[] = [];
  readonly #results = new Map<PlannedDrop, DropResult>();

  constructor(stack: FaultStack, dice: Dice, options: ImportStormOptions) {
    this.#stack = stack;
    this.#dice = dice;
    this.#options = options;
  }

  async run(): Promise<StormReport> {
    const started = performance.now();
    const { instances, s3Proxy, dynamoDbProxy } = this.#stack;
    for (const { instance } of Object.values(instances)) addScripts(instance);
    const weather = Object.values(instances).map((one) => this.#stirUp(one));
    const refusals = [refuseS3(this.#dice.random, 0.02), refuseDynamoDb(this.#dice.random, 0.02)] as const;
    s3Proxy.decide = refusals[0].decide;
    dynamoDbProxy.decide = refusals[1].decide;
    await this.#storeSettings();
    await this.#dropAll();
    const unanswered = await this.#untilAnswered();
    const damages = [
      ...unanswered.map(({ key, name }): Damage => ({ kind: 'no answer', text: `${key} (${name})` })),
      ...this.#judge(),
    ];
    const rows = this.#drops.reduce((sum, { lines }) => sum + lines.length, 0);
    const occurred = sumOf([
      this.#counts,
      this.#countKinds(),
      ...refusals.map(({ counts }) => counts),
      ...weather.map((count) => count()),
    ]);
    const title = `${rows} rows in ${this.#drops.length} files`;
    return { title, seconds: (performance.now() - started) / 1000, occurred, damages };
  }

  async #storeSettings(): Promise<void> {
    for (const { table, settings, instance } of Object.values(importKinds)) {
      const all = {
        rowsPerRequest,
        settleAfterSeconds,
        ...(instance === 'second' && { instance }),
        ...settings,
      };
      await this.#put(`imports/${table}/_import.json`, JSON.stringify(all));
    }
  }

  /** Two files of each table, and now and then a second version of one that has just been dropped. */
  async #dropAll(): Promise<void> {
    const kinds = Object.values(importKinds);
    const perFile = Math.max(rowsPerRequest + 5, Math.floor(this.#options.rows / kinds.length / 2));
    for (const round of [1, 2])
      for (const kind of kinds) {
        const rows = Math.ceil(perFile * (0.5 + this.#dice.random()));
        const isSecondVersion = round === 2 && this.#dice.chance(30);
        const file = isSecondVersion ? 'file-1' : `file-${round}`;
        if (isSecondVersion) this.#count('two versions of one key');
        const name = `${this.#options.seed}v${round}`;
        const lines = Array.from({ length: rows }, (_, index) => ({
          line: index + 2,
          row: this.#dice.chance(1) ? undefined : kind.row(name, index),
        }));
        const body = ['u_code,u_text,u_count', ...lines.map(({ row }, index) => toCsv(row, index))].join(
          '\n',
        );
        const key = `imports/${kind.table}/${file}.csv`;
        const versionId = await this.#put(key, body);
        this.#drops.push({ name, key, versionId, lines, kind, body });
      }
  }

  async #put(Key: string, Body: string): Promise<string> {
    const { s3, stack } = this.#stack;
    const { VersionId = '' } = await s3.send(
      new PutObjectCommand({ Bucket: stack.endpoints.s3.bucket, Key, Body }),
    );
    return VersionId;
  }

  async #untilAnswered(): Promise<readonly PlannedDrop[]> {
    const endsAt = Date.now() + this.#options.patienceMs;
    const kills = 2 + Math.floor(this.#options.rows / 2_000);
    for (;;) {
      await delay(200 + this.#dice.random() * 400);
      await this.#readResults();
      const open = this.#drops.filter((drop) => !this.#results.has(drop));
      this.#options.onProgress?.(open.length);
      if (open.length === 0 || Date.now() > endsAt) return open;
      await this.#killSome('importCsv', kills);
      await this.#killSome('startImport', 2);
    }
  }

  async #killSome(key: string, most: number): Promise<void> {
    const name = `kill -9 of ${key}`;
    if ((this.#counts[name] ?? 0) >= most || !this.#dice.chance(40)) return;
    this.#count(name, await this.#stack.kill(key));
  }

  async #readResults(): Promise<void> {
    const { s3, stack } = this.#stack;
    const { bucket } = stack.endpoints.s3;
    for await (const { key } of listObjects(s3, bucket, 'results/')) {
      if (!key.endsWith('/summary.json') || this.#read.has(key)) continue;
      const summary: ImportSummary = JSON.parse((await readText(s3, { bucket, key }))?.text ?? 'null');
      this.#read.add(key);
      const { source, results } = summary;
      const drop = this.#drops.find((one) => one.key === source.key && one.versionId === source.versionId);
      if (!drop) throw new Error(`${key} is about a drop that nobody made`);
      const listed = results['results'] && (await readText(s3, { bucket, key: results['results'] }));
      if (this.#results.has(drop)) this.#twice.push(drop.key);
      this.#results.set(drop, { summary, verdicts: listed ? readVerdicts(listed.text) : [] });
    }
  }

  readonly #read = new Set<string>();
  readonly #twice: string[] = [];

  #judge(): readonly Damage[] {
    const damages = this.#twice.map(
      (key): Damage => ({ kind: 'doubled', text: `${key} was imported twice` }),
    );
    for (const [name, kind] of Object.entries(importKinds)) {
      const drops = this.#drops.filter((drop) => drop.kind === kind);
      const { store } = this.#stack.instances[kind.instance].instance.state;
      const staged = store
        .select(kind.table, { orderBy: 't0.rowid' })
        .filter((row) => row['sys_created_by'] !== 'other.client');
      const unknown = drops.reduce(
        (sum, drop) => sum + (this.#results.get(drop)?.summary.counts.unknown ?? 0),
        0,
      );
      this.#count('rows reported as unknown', unknown);
      const results = drops.map((drop) => ({ ...drop, result: this.#results.get(drop) }));
      damages.push(...judgeTable(name, kind, results, staged));
    }
    return damages;
  }

  #count(name: string, times = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + times;
  }

  #countKinds(): Counts {
    const entries = Object.entries(importKinds);
    return Object.fromEntries(
      entries.map(([name, kind]) => [name, this.#drops.filter((drop) => drop.kind === kind).length]),
    );
  }

  /** Faults on the requests of imports, on the instance and before it. */
  #stirUp({ instance, proxy }: FaultInstance): () => Counts {
    const { faults } = instance.control;
    const { seed, rows } = this.#options;
    const count = 1 + Math.floor(rows / 1_500);
    const planned = importFaults.map(({ name, ...fault }, index) => {
      const probability = 0.1 + this.#dice.random() * 0.2;
      return { name, id: faults.add({ ...fault, count, probability, seed: seed + index }) };
    });
    const late = { count: 0 };
    proxy.decide = ({ method, path }) => {
      const isLoad = method === 'POST' && /^\/api\/now\/(v\d\/)?(import|batch)/.test(path);
      if (!isLoad || late.count > 2 + rows / 500 || !this.#dice.chance(8)) return undefined;
      late.count += 1;
      return { kind: 'late', delayMs: 200 + this.#dice.random() * (settleAfterSeconds - 1.5) * 1_000 };
    };
    return () => {
      const waiting = new Map(faults.list().map(({ id, applied }) => [id, applied]));
      const struck = planned.map(({ name, id }) => [name, waiting.get(id) ?? count]);
      return { ...Object.fromEntries(struck), 'load finished late': late.count };
    };
  }
}

const load = { method: 'POST', path: '/api/now/*import/*' };
const batch = { method: 'POST', path: '/api/now/*batch' };
const look = { method: 'GET', path: '/api/now/*' };

const importFaults = [
  { name: 'load: reset before commit', match: load, action: 'reset-before-commit' },
  { name: 'load: reset after commit', match: load, action: 'reset-after-commit' },
  { name: 'load: 500 after commit', match: load, action: 'error-after-commit' },
  { name: 'load: throttled', match: load, action: 'throttled', retryAfterS: 1 },
  { name: 'load: unavailable', match: load, action: 'unavailable' },
  { name: 'load: hibernating', match: load, action: 'hibernate' },
  { name: 'load: half stored', match: load, action: 'half-stored' },
  { name: 'load: another client before', match: load, action: 'other-client', rows: 'alike' },
  { name: 'load: another client after', match: load, action: 'other-client', rows: 'same', when: 'after' },
  { name: 'rows: reset after commit', match: batch, action: 'reset-after-commit' },
  { name: 'rows: one throttled in a batch', match: { ...load, batchItem: true }, action: 'throttled' },
  { name: 'rows: one failed in a batch', match: { ...load, batchItem: true }, action: 'server-error' },
  { name: 'look: reset', match: look, action: 'reset-before-commit' },
  { name: 'look: throttled', match: look, action: 'throttled' },
  { name: 'look: truncated', match: look, action: 'truncate' },
  { name: 'look: unavailable', match: look, action: 'unavailable' },
];

/** One of two maps fails for some rows; a script ignores some. */
function addScripts({ state }: FaultInstance['instance']): void {
  for (const kind of Object.values(importKinds)) {
    const isOdd = (source: Row) => isOddRow(Number(source['u_count']));
    if (kind.hasTwoMaps)
      state.imports.scripts.set(mapName(kind, 'first'), (source) =>
        isOdd(source) ? { error: 'refused' } : undefined,
      );
    if (kind.hasScript)
      state.imports.scripts.set(mapName(kind, 'first'), (source) =>
        isOdd(source) ? { ignore: true } : undefined,
      );
  }
}

/** A line with a column too many cannot be read. */
function toCsv(row: ReturnType<ImportKind['row']> | undefined, index: number): string {
  return row ? `${row.code},${row.text},${row.count}` : `C${index},unreadable,1,2,3`;
}
