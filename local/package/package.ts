import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { bundleFunctions } from './bundle.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** The root of the project. */
export const projectRoot = resolve(import.meta.dirname, '../..');

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
 * Bundles every function and packages them, one zip each, with the template. The packaging proper is left out when bundles,
 * configuration and options are what they were at the last time.
 * @throws Error with the packager's own words when serverless.yml is wrong
 */
export function packageFunctions(options: PackageOptions = {}): Promise<Package> {
  // `dist/` is shared: two at once would zip each other's half-written bundles.
  return oneAtATime(join(projectRoot, 'dist.lock'), () => bundleAndPackage(options));
}

async function bundleAndPackage(options: PackageOptions): Promise<Package> {
  const folder = resolve(projectRoot, options.folder ?? '.serverless');
  const distFolder = join(projectRoot, 'dist');
  const bundles = await bundleFunctions({ root: projectRoot, distFolder });
  const templateFile = join(folder, 'cloudformation-template-update-stack.json');
  const stampFile = join(folder, 'inputs.sha256');
  const stamp = await stampOf(distFolder, options);
  if ((await readIfThere(stampFile)) !== stamp) {
    await rm(stampFile, { force: true });
    await runPackager(folder, options);
    await writeFile(stampFile, stamp);
  }
  return { folder, templateFile, bundles };
}

async function runPackager(folder: string, { stage, params = {} }: PackageOptions): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  const args = [join(dirname(manifest), 'bin/serverless.js'), 'package', '--package', folder];
  if (stage !== undefined) args.push('--stage', stage);
  for (const [name, value] of Object.entries(params)) args.push('--param', `${name}=${value}`);
  const run = promisify(execFile)(process.execPath, args, { cwd: projectRoot, maxBuffer: 16 * 1024 * 1024 });
  await run.catch((cause: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`Packaging failed: ${cause.stderr || cause.stdout || cause.message}`, { cause });
  });
}

/** A hash over everything that the zips and the template are made from. */
async function stampOf(distFolder: string, options: PackageOptions): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([options, process.version]));
  for (const file of [
    join(projectRoot, 'serverless.yml'),
    join(projectRoot, 'package-lock.json'),
    ...(await filesBelow(join(projectRoot, 'local/package'))),
    ...(await filesBelow(distFolder)),
  ])
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
