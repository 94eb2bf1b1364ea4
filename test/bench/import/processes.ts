import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import * as z from 'zod';
import { bundleOptions } from '../../../deploy/bundle.ts';
import { heapOptions } from '../../../emulator/aws/lambda/runtime/runtime-process.ts';
import { instanceSchema, type Outside } from './outside.ts';
import { uploadFile } from './upload.ts';

const storageSchema = z.object({ url: z.string() });

const measuredSchema = z.object({
  seconds: z.number(),
  /** Loading alone, without pre-flight and verdicts. */
  loadingSeconds: z.number(),
  maxRssMegabytes: z.number(),
  rows: z.number(),
  /** Calls to the instance, without those that ask for verdicts. */
  requestsBeforeVerdicts: z.number(),
  executions: z.number(),
});

export type Measured = z.infer<typeof measuredSchema>;

/** Starts S3 and an instance, each in a process of its own, for the time of `work`. */
export async function withOutside<T>(work: (outside: Outside) => Promise<T>): Promise<T> {
  const file = join(import.meta.dirname, 'outside-process.ts');
  const [storage, instance] = [fork(file, ['s3']), fork(file, ['instance'])];
  try {
    const { url } = storageSchema.parse(await messageOf(storage));
    return await work({ s3: url, instance: instanceSchema.parse(await messageOf(instance)) });
  } finally {
    for (const child of [storage, instance]) {
      child.disconnect();
      await once(child, 'exit');
    }
  }
}

/** Runs one import of a generated file in a process of its own. */
export async function importAlone(
  outside: Outside,
  rows: number,
  rowsPerRequest: number,
  otherSettings: object = {},
): Promise<Measured> {
  const request = await uploadFile(outside, rows, { rowsPerRequest, ...otherSettings });
  bundled ??= bundle();
  const child = fork(bundled, [JSON.stringify(outside), JSON.stringify(request)], {
    execArgv: deployedOptions,
  });
  const measured = measuredSchema.parse(await messageOf(child));
  await once(child, 'exit');
  return measured;
}

/** As importCsv runs: its memory is in serverless.yml. */
const deployedOptions = heapOptions(1769);

let bundled: string | undefined;

/** Bundled as the function is: reading a hundred source files would count as its memory and time. */
function bundle(): string {
  const outfile = join(mkdtempSync(join(tmpdir(), 'bench-import-')), 'one-import.mjs');
  const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";
  buildSync({
    entryPoints: [join(import.meta.dirname, 'one-import.ts')],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    mainFields: [...bundleOptions.mainFields],
    outfile,
    banner: { js: banner },
    logLevel: 'error',
  });
  return outfile;
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`a process of the bench ended with ${code}`);
  });
  failed.catch(() => undefined);
  const [message] = await Promise.race([once(child, 'message'), failed]);
  return message;
}
