import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { announceStack, type RunningStack } from '../../cli/running-stack.ts';

/** What a command came to. */
export type Ran = { readonly code: number; readonly out: string; readonly err: string };

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Sent once the command has printed something. */
  readonly signal?: NodeJS.Signals;
};

const main = resolve(import.meta.dirname, '../../cli/main.ts');
/** Commands start in half the time with what Node compiled for those before; it is looked up by the content of each file. */
const compiled = resolve(import.meta.dirname, '../../node_modules/.cache/node');

/** Runs `servicenow-functions` from source, with nothing of this machine's AWS settings. */
export function runCommand(
  args: readonly string[],
  { cwd, env = {}, input, signal }: RunOptions = {},
): Promise<Ran> {
  const environment = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    AWS_EC2_METADATA_DISABLED: 'true',
    NODE_COMPILE_CACHE: compiled,
    ...env,
  };
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { env: environment, ...(cwd !== undefined && { cwd }) },
      (error, out, err) => done({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
    child.stdin?.end(input ?? '');
    if (signal !== undefined) child.stdout?.once('data', () => child.kill(signal));
  });
}

const nowhere = 'http://127.0.0.1:9';

type Endpoints = RunningStack['endpoints'];
type StackParts = Partial<Omit<Endpoints, 'sqs'>> & { readonly sqs?: Partial<Endpoints['sqs']> };

/**
 * Announces a stack of which only some parts run, until the end of the test.
 * @param cache that of another announced stack, to run both for one user
 * @returns the environment and the folder in which commands find it
 */
export function announcedStack(
  parts: StackParts,
  controlToken = '',
  cache?: string,
  ownInstance = false,
): { readonly env: Readonly<{ XDG_CACHE_HOME: string }>; readonly cwd: string } {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'announced-stack-')));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  const env = { XDG_CACHE_HOME: cache ?? join(cwd, 'cache') };
  const endpoints = {
    api: nowhere,
    instance: { url: nowhere, username: '', password: '' },
    s3: { endpoint: nowhere, bucket: 'own' },
    lambda: { endpoint: nowhere },
    cloudWatch: { endpoint: nowhere },
    secretsManager: { endpoint: nowhere },
    dynamodb: { endpoint: nowhere },
    ...parts,
    sqs: { endpoint: nowhere, recordsQueueUrl: '', recordsDlqUrl: '', queues: [], ...parts.sqs },
  };
  const facts = { project: cwd, dataFolder: join(cwd, 'data'), pid: process.pid, ownInstance };
  const stack = { ...facts, controlToken, endpoints };
  withCache(env.XDG_CACHE_HOME, () => announceStack(stack));
  return { env, cwd };
}

/** Does something in this process with a cache folder other than this user's. */
export function withCache<Result>(folder: string, act: () => Result): Result {
  const before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = folder;
  try {
    return act();
  } finally {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  }
}
