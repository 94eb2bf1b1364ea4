import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFunctions } from '../../deploy/package.ts';
import { RuntimeProcess } from '../../emulator/aws/lambda/runtime/runtime-process.ts';
import { unzip } from '../../emulator/aws/lambda/unzip.ts';
import type { LambdaFunction } from '../../emulator/aws/template/lambda-functions.ts';
import { readStackResources } from '../../emulator/aws/template/stack-resources.ts';
import { median, type Row, ratioRow, runAlone } from './report.ts';

export const name = 'cold start: spawn of the packaged function under aws-lambda-ric to its first /next';

const starts = 20;
/** The functions that are measured, with how often the time of an empty handler each may take. */
const maxRatios: Readonly<Record<string, number>> = {
  getRecords: 1.45,
  getRecordById: 1.45,
  postRecord: 1.45,
  writeRecords: 1.6,
  mapEvents: 2.2,
};

/** Packaged functions against an empty handler, interleaved, median of 20 starts each. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cold-start-'));
  try {
    const contenders = await prepare(folder);
    const times = new Map(contenders.map(({ key }) => [key, [] as number[]]));
    for (let round = 0; round <= starts; round += 1)
      for (const contender of contenders) {
        const ms = await startMs(contender, join(folder, contender.key));
        // The first round only warms the disk cache.
        if (round > 0) times.get(contender.key)?.push(ms);
      }
    const baseline = median(times.get('empty') ?? []);
    return Object.entries(maxRatios).map(([key, maxRatio]) =>
      ratioRow(key, 'ms', { measured: median(times.get(key) ?? []), baseline, maxRatio }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepare(folder: string): Promise<LambdaFunction[]> {
  const packaged = await packageFunctions();
  const context = { region: 'us-east-1', accountId: '000000000000', sqsEndpoint: 'http://127.0.0.1' };
  const { functions } = await readStackResources(packaged.templateFile, context);
  const contenders = functions.filter(({ key }) => key in maxRatios);
  for (const { key } of contenders) await unzip(join(packaged.folder, `${key}.zip`), join(folder, key));
  const [model] = contenders;
  if (model === undefined) throw new Error('The package holds none of the functions to measure');
  await mkdir(join(folder, 'empty'));
  await writeFile(join(folder, 'empty/index.mjs'), 'export const handler = async () => {};\n');
  return [{ ...model, key: 'empty', handler: 'index.handler' }, ...contenders];
}

async function startMs(lambdaFunction: LambdaFunction, codeFolder: string): Promise<number> {
  const before = performance.now();
  const runtime = await RuntimeProcess.start({
    lambdaFunction,
    codeFolder,
    environment: {},
    region: 'us-east-1',
    onLog: () => {},
  });
  const failed = await runtime.initialise('cold-start', new AbortController().signal);
  const ms = performance.now() - before;
  await runtime.kill();
  if (failed) throw new Error(`${lambdaFunction.key} did not start: ${failed.payload}`);
  return ms;
}

if (import.meta.main) await runAlone({ name, run });
