import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import * as z from 'zod';
import { uploadFile } from './upload.ts';

const outsideSchema = z.object({
  s3: z.string(),
  instance: z.object({ url: z.string(), username: z.string(), password: z.string() }),
});

/** Where the other process serves S3 and the instance. */
export type Outside = z.infer<typeof outsideSchema>;

const measuredSchema = z.object({
  seconds: z.number(),
  /** Loading alone, without pre-flight and verdicts. */
  loadingSeconds: z.number(),
  maxRssMegabytes: z.number(),
  rows: z.number(),
  /** Calls to the instance, without those that ask for verdicts. */
  requestsBeforeVerdicts: z.number(),
});

export type Measured = z.infer<typeof measuredSchema>;

/** Starts the instance and S3 in a process of their own for the time of `work`. */
export async function withOutside<T>(
  rowsAre: 'kept' | 'counted',
  work: (outside: Outside) => Promise<T>,
): Promise<T> {
  const child = fork(join(import.meta.dirname, 'outside.ts'), rowsAre === 'kept' ? ['keep'] : []);
  try {
    return await work(outsideSchema.parse(await messageOf(child)));
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

/** Runs one import of a generated file in a process of its own. */
export async function importAlone(outside: Outside, rows: number, rowsPerRequest: number): Promise<Measured> {
  const request = await uploadFile(outside, rows, rowsPerRequest);
  const file = join(import.meta.dirname, 'one-import.ts');
  const child = fork(file, [JSON.stringify(outside), JSON.stringify(request)]);
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
