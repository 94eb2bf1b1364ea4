import { setTimeout as delay } from 'node:timers/promises';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { goneName } from '../../../emulator/aws/s3/event-faults.ts';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import type { Row } from '../../../emulator/instance/row.ts';
import { listObjects, readText } from '../../../lib/aws/s3.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { type Dice, diceOf } from '../harness/dice.ts';
import {
  type FaultInstance,
  type FaultStack,
  type InstanceName,
  setProperty,
  startFaultStack,
} from '../harness/fault-stack.ts';
import { type Counts, type Damage, type StormReport, sumOf } from '../harness/storm-report.ts';
import { Arrivals } from './arrivals.ts';
import { type Drop, type DropResult, judgeOddDrop, judgeTable } from './import-judge.ts';
import { importKinds, importMaps, importSchema, inDoubtSeconds, isOddRow, mapName } from './import-tables.ts';
import { stirUpImports } from './import-weather.ts';
import { type OddDrop, type PlannedDrop, planDrops, planOddDrops } from './planned-drops.ts';
import { readVerdicts } from './results.ts';

export type ImportStormOptions = {
  /** Rows of all files together, about. */
  readonly rows: number;
  readonly seed: number;
  /** Longest time until every drop has its answer, in milliseconds. */
  readonly longestWaitMs: number;
  readonly onProgress?: (unanswered: number) => void;
};

/** How late an event of S3 may be, how often one comes twice, and how often among odd records. */
const eventFaults = { latestMs: 3_000, doubled: 0.3, odd: 0.2 };
/** An execution has fewer operations than AWS allows it: all imports go on in further ones, and the host ends what has more. */
const operationsPerExecution = 40;
const durableLimits = { maxOperations: 80 };

/** Drops many files at once while everything around the imports misbehaves, and compares every verdict with the instance. */
export async function runImportStorm(options: ImportStormOptions): Promise<StormReport> {
  const dice = diceOf(seededRandom(options.seed));
  const rowsFromZero = options.seed % 2 === 1;
  const watch = new SecrecyWatch();
  const arrivals = new Arrivals();
  const stack = await startFaultStack({
    watch,
    onLine: (line) => arrivals.see(line),
    s3EventFaults: { ...eventFaults, seed: options.seed },
    durableLimits,
    instance: {
      schema: importSchema,
      data: importMaps,
      demoData: false,
      switches: { transformDelayMs: 50, stagingRowsFromZero: rowsFromZero },
    },
    roles: ['admin'],
    environment: {
      ALLOWED_TABLES: Object.values(importKinds)
        .map(({ table }) => table)
        .join(),
      MAX_CONCURRENT_IMPORTS: String(dice.pick([4, 12])),
    },
    template(template) {
      setProperty(template, 'ImportQueue', 'VisibilityTimeout', 12);
      setProperty(template, 'StartImportLambdaFunction', 'Timeout', 10);
    },
  });
  try {
    const { files, ...report } = await new ImportStorm(stack, dice, options).run();
    const leaks = await stack.close();
    return {
      ...report,
      occurred: {
        ...report.occurred,
        ...arrivals.counts(),
        [`files whose staging rows are numbered from ${rowsFromZero ? 0 : 1}`]: files,
      },
      damages: [...report.damages, ...leaks.map((text): Damage => ({ kind: 'leak', text }))],
    };
  } finally {
    await stack.close();
  }
}

type Dropped<Planned> = Planned & Pick<Drop, 'versionId'>;

class ImportStorm {
  readonly #stack: FaultStack;
  readonly #dice: Dice;
  readonly #options: ImportStormOptions;
  readonly #counts: Record<string, number> = {
    'kill -9 of importCsv': 0,
    'kill -9 of startImport': 0,
    'credentials rotated': 0,
    'executions that went on in another one': 0,
    'record of an object that is gone': 0,
  };
  readonly #drops: Dropped<PlannedDrop>[] = [];
  readonly #oddDrops: Dropped<OddDrop>[] = [];
  /** By key and version of the drop. */
  readonly #results = new Map<string, DropResult>();
  readonly #read = new Set<string>();
  readonly #damages: Damage[] = [];

  constructor(stack: FaultStack, dice: Dice, options: ImportStormOptions) {
    this.#stack = stack;
    this.#dice = dice;
    this.#options = options;
  }

  async run(): Promise<StormReport & { readonly files: number }> {
    const started = performance.now();
    const { rows, seed } = this.#options;
    for (const { instance } of Object.values(this.#stack.instances)) addScripts(instance);
    await this.#storeSettings();
    const weather = stirUpImports(this.#stack, { rows, seed, dice: this.#dice });
    const dropping = this.#dropAll();
    const unanswered = await this.#untilAnswered(dropping);
    const answered = performance.now();
    for (const { key, versionId } of unanswered)
      this.#damages.push({ kind: 'no answer', text: `${key}: ${await this.#progressOf(key, versionId)}` });
    this.#judge();
    const lines = this.#drops.reduce((sum, drop) => sum + drop.lines.length, 0);
    const perSecond = Math.round(lines / ((answered - started) / 1000));
    return {
      title: `${lines} rows in ${this.#drops.length} files, ${perSecond} rows/s`,
      seconds: (performance.now() - started) / 1000,
      occurred: sumOf([this.#counts, this.#countKinds(), ...weather()]),
      damages: this.#damages,
      files: this.#drops.length,
    };
  }

  async #storeSettings(): Promise<void> {
    for (const { table, settings, instance, rowsPerRequest } of Object.values(importKinds)) {
      const all = {
        rowsPerRequest,
        inDoubtSeconds,
        operationsPerExecution,
        ...(instance === 'second' && { instance }),
        ...settings,
      };
      await this.#put(`imports/${table}/_import.json`, JSON.stringify(all));
    }
  }

  /** The files of each round at once, and in between what is no import. */
  async #dropAll(): Promise<void> {
    const { rows, seed } = this.#options;
    const odd = [...planOddDrops(this.#dice)];
    const rounds = planDrops(rows, seed, this.#dice);
    for (const [number, round] of rounds.entries()) {
      for (const drop of round) {
        if (this.#drops.some(({ key }) => key === drop.key)) this.#count('two versions of one key');
        if (drop.isEncoded) this.#count('key that events write in another way');
        if (drop.isDeleted) this.#count('file deleted at once, its version kept');
        const versionId = await this.#put(drop.key, drop.body);
        this.#drops.push({ ...drop, versionId });
        if (drop.isDeleted) await this.#delete(drop.key);
      }
      const isLast = number === rounds.length - 1;
      for (const drop of odd.splice(0, isLast ? odd.length : 3)) {
        this.#count(`odd drop: ${drop.what}`);
        const versionId = await this.#put(drop.key, drop.body);
        this.#oddDrops.push({ ...drop, versionId });
        if (drop.isGone) await this.#delete(drop.key, versionId);
      }
      if (!isLast) await delay(this.#dice.random() * 1_000);
    }
  }

  async #put(Key: string, Body: string): Promise<string> {
    const { s3, stack } = this.#stack;
    const { VersionId = '' } = await s3.send(
      new PutObjectCommand({ Bucket: stack.endpoints.s3.bucket, Key, Body: Buffer.from(Body) }),
    );
    return VersionId;
  }

  async #delete(Key: string, VersionId?: string): Promise<void> {
    const { s3, stack } = this.#stack;
    await s3.send(new DeleteObjectCommand({ Bucket: stack.endpoints.s3.bucket, Key, VersionId }));
  }

  async #untilAnswered(dropping: Promise<void>): Promise<readonly Pick<Drop, 'key' | 'versionId'>[]> {
    const endsAt = Date.now() + this.#options.longestWaitMs;
    const kills = 2 + Math.floor(this.#options.rows / 2_000);
    let isDropping = true;
    const dropped = dropping.finally(() => {
      isDropping = false;
    });
    for (;;) {
      await delay(200 + this.#dice.random() * 400);
      await this.#readResults();
      const open = [...this.#drops, ...this.#oddDrops].filter((drop) => !this.#results.has(idOf(drop)));
      this.#options.onProgress?.(open.length);
      if (!isDropping && (open.length === 0 || Date.now() > endsAt)) {
        await dropped;
        return open;
      }
      await this.#killSome('importCsv', kills);
      await this.#killSome('startImport', 2 + Math.floor(kills / 5));
      await this.#rotateSome(1 + Math.floor(this.#options.rows / 5_000));
    }
  }

  async #rotateSome(most: number): Promise<void> {
    const name = 'credentials rotated';
    if ((this.#counts[name] ?? 0) >= 2 * most || !this.#dice.chance(15)) return;
    await this.#stack.instances[this.#dice.pick<InstanceName>(['first', 'second'])].rotate();
    this.#count(name);
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
      if (source.key.includes(goneName)) {
        this.#count('record of an object that is gone');
        if (summary.status === 'refused') continue;
        this.#damages.push({ kind: 'false verdict', text: `${source.key}: ${summary.status}` });
      }
      const id = `${source.key} ${source.versionId}`;
      const listed = results?.['results'] && (await readText(s3, { bucket, key: results['results'] }));
      if (this.#results.has(id)) this.#damages.push({ kind: 'doubled', text: `${id} has two answers` });
      this.#results.set(id, { summary, verdicts: listed ? readVerdicts(listed.text) : [] });
    }
  }

  /** What the import itself says of where it is. */
  async #progressOf(dropKey: string, versionId: string): Promise<string> {
    const { s3, stack } = this.#stack;
    const { bucket } = stack.endpoints.s3;
    const folder = `${dropKey.replace(/^imports\//, 'results/').replace(/\.\w+$/, '')}/`;
    for await (const { key } of listObjects(s3, bucket, folder)) {
      const text = key.endsWith('/progress.json') ? (await readText(s3, { bucket, key }))?.text : undefined;
      if (text?.includes(versionId)) return text;
    }
    return 'nothing is known of it';
  }

  #judge(): void {
    for (const [name, kind] of Object.entries(importKinds)) {
      const drops = this.#drops
        .filter((drop) => drop.kind === kind)
        .map((drop) => ({ ...drop, result: this.#results.get(idOf(drop)) }));
      const { store } = this.#stack.instances[kind.instance].instance.state;
      const staged = store
        .select(kind.table, { orderBy: 't0.rowid' })
        .filter((row) => row['sys_created_by'] !== 'other.client');
      for (const { result } of drops) {
        this.#count('rows reported as unknown', result?.summary.counts.unknown ?? 0);
        if (result?.summary.status === 'superseded') this.#count('superseded');
        this.#count(
          'executions that went on in another one',
          Math.max(0, (result?.summary.executions ?? 1) - 1),
        );
      }
      this.#damages.push(...judgeTable(name, kind, drops, staged));
    }
    for (const drop of this.#oddDrops) {
      const result = this.#results.get(idOf(drop));
      if (result) this.#damages.push(...judgeOddDrop(drop, result));
    }
  }

  #count(name: string, times = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + times;
  }

  #countKinds(): Counts {
    const byKind = Map.groupBy(this.#drops, ({ kindName }) => kindName);
    return Object.fromEntries(
      Object.keys(importKinds).map((name) => [`${name}: files`, byKind.get(name)?.length ?? 0]),
    );
  }
}

const idOf = ({ key, versionId }: Pick<Drop, 'key' | 'versionId'>) => `${key} ${versionId}`;

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
