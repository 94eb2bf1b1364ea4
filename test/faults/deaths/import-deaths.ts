import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { type FaultStack, startFaultStack } from '../harness/fault-stack.ts';
import type { Damage, StormReport } from '../harness/storm-report.ts';
import { type Drop, judgeTable } from '../imports/import-judge.ts';
import { type ImportKind, importKinds, importMaps, importSchema } from '../imports/import-tables.ts';
import { findResults } from '../imports/results.ts';
import { draw, Executioner, everyMoment, type Moment } from './deaths.ts';

export type ImportDeathOptions = {
  readonly seed: number;
  /** Name of the import's kind. */
  readonly kind: string;
  /** Tries only so many moments, drawn by the seed. @default all */
  readonly moments?: number;
  readonly onProgress?: (moment: string) => void;
};

const longestWaitMs = 300_000;
const rows = 12;

/** Lets importCsv die at every call that one import makes, before and after the call's effect, and compares each time. */
export async function runImportDeaths(options: ImportDeathOptions): Promise<StormReport> {
  const started = performance.now();
  const kind = importKinds[options.kind];
  if (!kind) throw new Error(`there is no kind of import called ${options.kind}`);
  const watch = new SecrecyWatch();
  const stack = await startFaultStack({
    watch,
    instance: { schema: importSchema, data: importMaps, demoData: false, switches: { transformDelayMs: 10 } },
    roles: ['admin'],
    maxProcesses: 1,
    environment: { ALLOWED_TABLES: kind.table },
  });
  try {
    const trials = new Trials(stack, kind);
    await trials.prepare();
    const damages: Damage[] = [];
    const first = await trials.run(undefined);
    damages.push(
      ...first.found.map(({ kind: damage, text }) => ({ kind: damage, text: `without a death: ${text}` })),
    );
    const all = everyMoment(first.calls);
    const { moments, seed } = options;
    const chosen = moments === undefined ? all : draw(all, moments, seededRandom(seed));
    let deaths = 0;
    for (const moment of chosen) {
      const { struck, found } = await trials.run(moment);
      if (struck !== undefined) deaths += 1;
      damages.push(
        ...found.map(({ kind: damage, text }) => ({ kind: damage, text: `death ${struck}: ${text}` })),
      );
      options.onProgress?.(`${struck}: ${found.length}`);
    }
    const leaks = await stack.close();
    return {
      title: `${deaths} deaths of importCsv in ${first.calls} calls, ${options.kind}`,
      seconds: (performance.now() - started) / 1000,
      occurred: { deaths },
      damages: [...damages, ...leaks.map((text): Damage => ({ kind: 'leak', text }))],
    };
  } finally {
    await stack.close();
  }
}

class Trials {
  readonly #stack: FaultStack;
  readonly #kind: ImportKind;
  readonly #executioner: Executioner;
  #number = 0;

  constructor(stack: FaultStack, kind: ImportKind) {
    this.#stack = stack;
    this.#kind = kind;
    this.#executioner = new Executioner(stack, 'importCsv');
  }

  async prepare(): Promise<void> {
    const settings = { rowsPerRequest: 5, inDoubtSeconds: 1, ...this.#kind.settings };
    await this.#put(`imports/${this.#kind.table}/_import.json`, JSON.stringify(settings));
  }

  async run(
    moment: Moment | undefined,
  ): Promise<{ calls: number; struck: string | undefined; found: readonly Damage[] }> {
    this.#number += 1;
    const name = `d${this.#number}`;
    const lines = Array.from({ length: rows }, (_, index) => ({
      line: index + 2,
      row: this.#kind.row(name, index),
    }));
    const body = ['u_code,u_text,u_count', ...lines.map(({ row }) => `${row.code},${row.text},${row.count}`)];
    const key = `imports/${this.#kind.table}/${name}.csv`;
    await this.#stack.kill('importCsv');
    this.#executioner.arm(moment);
    const versionId = await this.#put(key, body.join('\n'));
    const drop = { name, key, versionId, lines };
    const found = await this.#judge(drop);
    return { calls: this.#executioner.calls, struck: this.#executioner.struck, found };
  }

  async #judge(drop: Drop): Promise<readonly Damage[]> {
    for (const endsAt = Date.now() + longestWaitMs; Date.now() < endsAt; await delay(100)) {
      const [result] = await findResults(this.#stack, drop);
      if (!result) continue;
      const { store } = this.#stack.instances.first.instance.state;
      const staged = store.select(this.#kind.table, { orderBy: 't0.rowid' });
      const own = staged.filter((row) => row['u_text']?.startsWith(`${drop.name} `));
      return judgeTable('death', this.#kind, [{ ...drop, result }], own);
    }
    return [{ kind: 'no answer', text: drop.key }];
  }

  async #put(Key: string, Body: string): Promise<string> {
    const { s3, stack } = this.#stack;
    const { VersionId = '' } = await s3.send(
      new PutObjectCommand({ Bucket: stack.endpoints.s3.bucket, Key, Body }),
    );
    return VersionId;
  }
}
