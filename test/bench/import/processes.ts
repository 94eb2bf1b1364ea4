import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import * as z from 'zod';
import { heapOptions } from '../../../emulator/aws/lambda/runtime/runtime-process.ts';
import { bundleForProcess } from '../bundled-process.ts';
import { instanceSchema, type Outside } from './outside.ts';
import { uploadFile } from './upload.ts';

const storageSchema = z.object({ url: z.string() });

const measuredSchema = z.object({
  seconds: z.number(),
  /** Loading alone, without pre-flight and verdicts. */
  loadingSeconds: z.number(),
  /** Of all threads. */
  cpuSeconds: z.number(),
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

/** As importCsv runs: its memory is in serverless.yml. */
export const deployedMegabytes = 1769;

/**
 * Runs one import of a generated file in a process of its own.
 * @param megabytes the memory of the function, as Lambda divides it
 */
export async function importAlone(
  outside: Outside,
  rows: number,
  rowsPerRequest: number,
  otherSettings: object = {},
  megabytes = deployedMegabytes,
): Promise<Measured> {
  const request = await uploadFile(outside, rows, { rowsPerRequest, ...otherSettings });
  const file = bundleForProcess(join(import.meta.dirname, 'one-import.ts'));
  const child = fork(file, [JSON.stringify(outside), JSON.stringify(request)], {
    execArgv: heapOptions(megabytes),
  });
  const measured = measuredSchema.parse(await messageOf(child));
  await once(child, 'exit');
  return measured;
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`a process of the bench ended with ${code}`);
  });
  failed.catch(() => undefined);
  const [message] = await Promise.race([once(child, 'message'), failed]);
  return message;
}
