import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Job, Result } from './tests-process.ts';

/** A process that stays warm between jobs and is replaced when one takes too long. */
export class WarmTests {
  #process: ChildProcess | undefined;

  /** Returns `undefined` when the job took longer than the limit, or does not end. */
  async run(job: Job, limitMs: number): Promise<Result | undefined> {
    const child = this.#process ?? (await startProcess());
    this.#process = child;
    const { promise, resolve: answer, reject } = Promise.withResolvers<Result | undefined>();
    const timer = setTimeout(() => answer(undefined), limitMs);
    const onExit = () => reject(new Error('the process of the tests ended by itself'));
    child.once('message', (result: Result) => answer(result));
    child.once('exit', onExit);
    child.send(job);
    try {
      const result = await promise;
      if (result !== undefined && !result.isStuck) return result;
      this.end();
      return undefined;
    } finally {
      clearTimeout(timer);
      child.off('exit', onExit);
    }
  }

  end(): void {
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
  }
}

async function startProcess(): Promise<ChildProcess> {
  const child = fork(resolve(import.meta.dirname, 'tests-process.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  await once(child, 'message');
  return child;
}
