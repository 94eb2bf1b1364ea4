import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { type Bundles, distFolder, projectRoot } from './bundle.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** What `osls package` wrote. */
export type Package = {
  /** Absolute folder of `<key>.zip` and the template. */
  readonly folder: string;
  /** Absolute path of the CloudFormation template that a deployment would send. */
  readonly templateFile: string;
  /** What each bundle was made of, by function key. */
  readonly bundles: ReadonlyMap<string, Metafile>;
};

/** `params` are serverless.yml's; `folder` (default `.serverless`) is relative to the root. */
export type PackageOptions = {
  readonly folder?: string;
  readonly stage?: string;
  readonly params?: Readonly<Record<string, string>>;
};

/**
 * Bundles every function and packages them, one zip each, with the template. Nothing is made anew when sources, configuration and
 * options are what they were at the last time.
 * @throws Error with the packager's own words when serverless.yml is wrong
 * @throws the signal's reason when it was broken off
 */
export async function packageFunctions(options: PackageOptions = {}, signal?: AbortSignal): Promise<Package> {
  const folder = resolve(projectRoot, options.folder ?? '.serverless');
  // `dist/` is shared: two at once would zip each other's half-written bundles.
  const bundles = await oneAtATime(join(projectRoot, 'dist.lock'), () =>
    packageOnce(folder, options, signal),
  );
  return {
    folder,
    templateFile: join(folder, 'cloudformation-template-update-stack.json'),
    bundles: new Map(Object.entries(bundles)),
  };
}

async function packageOnce(
  folder: string,
  options: PackageOptions,
  signal: AbortSignal | undefined,
): Promise<Bundles> {
  signal?.throwIfAborted();
  const stamp = await stampOf(options);
  const stampFile = join(folder, 'inputs.sha256');
  const bundlesFile = join(folder, 'bundles.json');
  if ((await readIfThere(stampFile)) !== stamp) {
    await rm(stampFile, { force: true });
    await runPackager(folder, options, signal);
    await copyFile(join(distFolder, 'bundles.json'), bundlesFile);
    await writeFile(stampFile, stamp);
  }
  return JSON.parse(await readFile(bundlesFile, 'utf8'));
}

async function runPackager(
  folder: string,
  { stage, params = {} }: PackageOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  const args = [join(dirname(manifest), 'bin/serverless.js'), 'package', '--package', folder];
  if (stage !== undefined) args.push('--stage', stage);
  for (const [name, value] of Object.entries(params)) args.push('--param', `${name}=${value}`);
  const limits = { cwd: projectRoot, maxBuffer: 16 * 1024 * 1024, ...(signal && { signal }) };
  const run = promisify(execFile)(process.execPath, args, limits);
  await run.catch((cause: Error & { stdout?: string; stderr?: string }) => {
    // A signal of the terminal ends the packager too, which may be told before we are.
    signal?.throwIfAborted();
    throw new Error(`Packaging failed: ${[cause.stdout, cause.stderr].join('') || cause.message}`, { cause });
  });
}

/** A hash over everything that the zips and the template are made from; the lock file stands for all packages. */
async function stampOf(options: PackageOptions): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([options, process.version]));
  const folders = ['functions', 'lib', 'deploy'].map((folder) => filesBelow(join(projectRoot, folder)));
  const single = ['serverless.yml', 'package-lock.json'].map((file) => join(projectRoot, file));
  for (const file of [...single, ...(await Promise.all(folders)).flat()])
    hash.update(file).update(await readFile(file));
  return hash.digest('hex');
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
