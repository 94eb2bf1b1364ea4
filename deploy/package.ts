import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { type Bundles, projectRoot } from './bundle.ts';
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
  readonly region?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** Bundles again what has been bundled before, for another stage or other params. */
  readonly bundlesAgain?: boolean;
};

/** The bundles that were made last, in a folder named by the hash of all that they are made from. */
const bundlesFolder = join(projectRoot, '.local/bundles');

/**
 * Bundles every function and packages them, one zip each, with the template. Nothing is made again when sources, configuration and
 * options are what they were the last time. The folder is replaced as a whole, once everything is made.
 * @throws Error with the packager's own words when serverless.yml is wrong
 * @throws the signal's reason when it was interrupted
 */
export async function packageFunctions(options: PackageOptions = {}, signal?: AbortSignal): Promise<Package> {
  const folder = resolve(projectRoot, options.folder ?? '.serverless');
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const staging = join(projectRoot, '.local/packaging', name);
  await mkdir(dirname(staging), { recursive: true });
  const bundles = await oneAtATime(`${staging}.lock`, () => packageOnce(folder, staging, options, signal));
  return {
    folder,
    templateFile: join(folder, 'cloudformation-template-update-stack.json'),
    bundles: new Map(Object.entries(bundles)),
  };
}

async function packageOnce(
  folder: string,
  staging: string,
  options: PackageOptions,
  signal: AbortSignal | undefined,
): Promise<Bundles> {
  signal?.throwIfAborted();
  const sources = await hashOfSources();
  const stamp = createHash('sha256').update(JSON.stringify(options)).update(sources).digest('hex');
  if ((await readIfThere(join(folder, 'inputs.sha256'))) !== stamp) {
    await prepare(staging);
    const bundles = join(bundlesFolder, sources);
    const isBundled = !options.bundlesAgain && existsSync(bundles);
    await runPackager(staging, options, isBundled ? bundles : undefined, signal);
    if (!isBundled) await keepBundles(join(staging, 'dist'), bundles);
    const made = join(staging, '.serverless');
    await copyFile(join(staging, 'dist/bundles.json'), join(made, 'bundles.json'));
    await writeFile(join(made, 'inputs.sha256'), stamp);
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    await rename(made, folder);
    await rm(staging, { recursive: true });
  }
  return JSON.parse(await readFile(join(folder, 'bundles.json'), 'utf8'));
}

/** A folder with what the packager reads of the project: it deletes `.serverless` in the folder that it runs in. */
async function prepare(staging: string): Promise<void> {
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging);
  for (const file of ['serverless.yml', 'package.json'])
    await copyFile(join(projectRoot, file), join(staging, file));
  for (const folder of ['deploy', 'node_modules'])
    await symlink(join(projectRoot, folder), join(staging, folder), 'junction');
}

/** In place of those of other sources. Another folder may be packaged, and keep the same, at the same time. */
async function keepBundles(made: string, bundles: string): Promise<void> {
  if (existsSync(bundles)) return;
  await mkdir(bundlesFolder, { recursive: true });
  const others = await readdir(bundlesFolder);
  const copy = await mkdtemp(join(bundlesFolder, 'new-'));
  await cp(made, copy, { recursive: true });
  await rename(copy, bundles).catch(() => rm(copy, { recursive: true }));
  for (const other of others.filter((name) => join(bundlesFolder, name) !== bundles))
    await rm(join(bundlesFolder, other), { recursive: true, force: true });
}

/** @param bundles where they are already; without it the packager makes them */
async function runPackager(
  staging: string,
  { stage, region, params = {} }: PackageOptions,
  bundles: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  const args = [join(dirname(manifest), 'bin/serverless.js'), 'package'];
  if (stage !== undefined) args.push('--stage', stage);
  if (region !== undefined) args.push('--region', region);
  for (const [name, value] of Object.entries(params)) args.push('--param', `${name}=${value}`);
  const env = { ...process.env, ...(bundles !== undefined && { SERVICENOW_FUNCTIONS_BUNDLES: bundles }) };
  const limits = { cwd: staging, maxBuffer: 16 * 1024 * 1024, env, ...(signal && { signal }) };
  const run = promisify(execFile)(process.execPath, args, limits);
  await run.catch((cause: Error & { stdout?: string; stderr?: string }) => {
    // A signal of the terminal ends the packager too, which may be reported before ours.
    signal?.throwIfAborted();
    throw new Error(`Packaging failed: ${[cause.stdout, cause.stderr].join('') || cause.message}`, { cause });
  });
}

/** A hash over everything that bundles, zips and the template are made from; the lock file stands for all packages. */
async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const folders = ['functions', 'lib', 'deploy', 'mappings'].map((folder) =>
    filesBelow(join(projectRoot, folder)),
  );
  const names = ['serverless.yml', 'package.json', 'package-lock.json', 'tsconfig.json'];
  const single = names.map((file) => join(projectRoot, file));
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
