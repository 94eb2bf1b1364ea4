import { heapOptions } from '../../emulator/aws/lambda/runtime/runtime-process.ts';
import { startInstance } from '../../emulator/instance/index.ts';
import { deployedMegabytes, importAlone, withOutside } from './import/processes.ts';
import { doWork, startStateTable } from './queue/work.ts';
import { type Bench, median, type Row, round, runAlone } from './report.ts';

export const name =
  'memory: peak memory and CPU time by the memory of the function; its seconds and dollars, computed';

/** Lambda gives one whole CPU for this memory, and a share in proportion for less. */
const wholeCpuMegabytes = 1769;
const sizes = [256, 384, 512, 1024, wholeCpuMegabytes];
const rounds = 3;
/** docs/cost.md: us-east-1, arm64. */
const dollarsPerGbSecond = 0.0000133334;

/** Work of which a part was run at every size of memory. */
type Sweep = {
  readonly what: string;
  /** The size in serverless.yml. */
  readonly deployed: number;
  /** How often the part that was run is in the whole. */
  readonly parts: number;
  /** How long the whole waits for the instance; an assumption. */
  readonly waitSeconds: number;
  readonly maxDollars: number;
  readonly run: (megabytes: number) => Promise<Used>;
};

type Used = { readonly cpuSeconds: number; readonly maxMegabytes: number };

const importedRows = 200_000;
const messages = 5_000;

/** An import and a backlog of messages; the CPU time is that of the process, so that a busy machine changes it little. */
export async function run(): Promise<Row[]> {
  const imported = await withOutside((outside) =>
    sweep({
      ...{ what: '1,000,000 CSV rows', deployed: deployedMegabytes, parts: 1_000_000 / importedRows },
      // 2,000 requests of 200 ms, four at a time.
      ...{ waitSeconds: (2_000 * 0.2) / 4, maxDollars: 0.03 },
      async run(megabytes) {
        const { cpuSeconds, maxRssMegabytes } = await importAlone(outside, importedRows, 500, {}, megabytes);
        return { cpuSeconds, maxMegabytes: maxRssMegabytes };
      },
    }),
  );
  await using opened = new AsyncDisposableStack();
  const instance = opened.adopt(await startInstance(), (one) => one.close());
  const { url } = opened.adopt(await startStateTable(), (one) => one.close());
  const written = await sweep({
    ...{ what: '1,000,000 creates of a backlog', deployed: 384, parts: 1_000_000 / messages },
    // 10,000 invocations, each waiting 2.4 s.
    ...{ waitSeconds: 10_000 * 2.4, maxDollars: 1 },
    async run(megabytes) {
      const asked = { way: 'function', messages, prefix: crypto.randomUUID() } as const;
      const { cpuSeconds, maxRssMb } = await doWork(instance, asked, url, heapOptions(megabytes));
      return { cpuSeconds, maxMegabytes: maxRssMb };
    },
  });
  return [...imported, ...written];
}

async function sweep({ run, ...work }: Sweep): Promise<Row[]> {
  const used = new Map<number, Used[]>(sizes.map((size) => [size, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const size of sizes) used.get(size)?.push(await run(size));
  return sizes.map((size) => rowOf(work, size, used.get(size) ?? []));
}

/** Computing and waiting are added up, although they overlap. */
function rowOf(work: Omit<Sweep, 'run'>, size: number, used: readonly Used[]): Row {
  const cpuSeconds = median(used.map((one) => one.cpuSeconds)) * work.parts;
  const megabytes = median(used.map((one) => one.maxMegabytes));
  const seconds = cpuSeconds / (size / wholeCpuMegabytes) + work.waitSeconds;
  const dollars = seconds * (size / 1024) * dollarsPerGbSecond;
  const row = {
    what: `${work.what} at ${size} MB: ${round(cpuSeconds)} s of CPU, at most ${round(seconds)} s and $${dollars.toPrecision(2)}`,
    measured: `${round(megabytes)} MB`,
  };
  if (size !== work.deployed) return row;
  const limit = `as deployed: it fits, and ≤ $${work.maxDollars}`;
  return { ...row, limit, ok: megabytes <= size && dollars <= work.maxDollars };
}

if (import.meta.main) await runAlone({ name, run } satisfies Bench);
