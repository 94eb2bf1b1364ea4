import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { strFromU8, unzipSync, zipSync } from 'fflate';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { functions } from '../../deploy/functions.ts';
import { type Package, packageFunctions } from '../../deploy/package.ts';
import { releasePackage } from '../../deploy/release/release.ts';
import { stageToken } from '../../deploy/release/template.ts';
import { unzip } from '../../emulator/aws/lambda/unzip.ts';
import { operations } from '../../lib/operations/catalog.ts';

const maxZipBytes = 260 * 1024;
const httpFunctions = operations.map(({ name, isKeyed }) => ({ key: name, isKeyed }));

let packaged: Package;
beforeAll(async () => {
  packaged = await packageFunctions();
});

function metafileOf(key: string): Metafile {
  const metafile = packaged.bundles.get(key);
  if (metafile === undefined) throw new Error(`${key} is not in the package`);
  return metafile;
}

/** Files of which something is left in the outputs. */
function filesIn({ outputs }: Metafile, names = Object.keys(outputs)): string[] {
  return names.flatMap((name) =>
    Object.entries(outputs[name]?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? file : [],
    ),
  );
}

/** The packages of node_modules that they belong to. */
function packagesIn(metafile: Metafile, names?: string[]): Set<string> {
  const files = filesIn(metafile, names);
  return new Set(files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
}

/** What is loaded at the start: the entry and what it imports statically, chunk by chunk. */
function outputsLoadedAtStart(metafile: Metafile): string[] {
  const entry = Object.keys(metafile.outputs).find((output) => output.endsWith('/index.mjs')) ?? '';
  const loaded = new Set([entry]);
  for (const output of loaded)
    for (const { path, kind, external } of metafile.outputs[output]?.imports ?? [])
      if (kind === 'import-statement' && !external) loaded.add(path);
  return [...loaded];
}

const clientsOf = (packages: Set<string>) =>
  [...packages].filter((name) => name.startsWith('@aws-sdk/client-')).sort();

const clients = (...names: string[]) => names.map((name) => `@aws-sdk/client-${name}`);

describe('the package', () => {
  it('is not rebuilt when no source has changed', async () => {
    const { mtimeMs } = await stat(packaged.templateFile);
    await packageFunctions();
    expect((await stat(packaged.templateFile)).mtimeMs).toBe(mtimeMs);
  });

  it('leaves .serverless alone when it is made in another folder', async () => {
    const files = async () => {
      const names = await readdir(packaged.folder);
      return Promise.all(
        names.map(async (name) => [name, (await stat(join(packaged.folder, name))).mtimeMs]),
      );
    };
    const before = await files();
    // The package that a release is made of, so that the tests of both make it once.
    const other = await packageFunctions({ folder: releasePackage, stage: stageToken });
    expect(await files()).toEqual(before);
    expect(await readdir(other.folder)).toContain('getRecords.zip');
  }, 900_000);

  it('stops for a caller that gave up, and lets the next one in', async () => {
    const signal = AbortSignal.timeout(300);
    const aborted = packageFunctions({ folder: '.local/package-aborted', stage: 'aborted' }, signal);
    await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(await packageFunctions()).toMatchObject({ folder: packaged.folder });
  });

  it('holds one zip and one bundle for every function', async () => {
    expect([...packaged.bundles.keys()].sort()).toEqual(functions.map(({ key }) => key).sort());
    for (const { key } of functions)
      expect((await stat(join(packaged.folder, `${key}.zip`))).size).toBeGreaterThan(300);
  });

  it.each(httpFunctions)(
    'keeps the zip of $key at 260 KB or less, its source maps not counted',
    async ({ key }) => {
      const entries = Object.entries(unzipSync(await readFile(join(packaged.folder, `${key}.zip`))));
      const code = entries.filter(([name]) => !name.endsWith('.map'));
      expect(code.length).toBe(entries.length / 2);
      expect(zipSync(Object.fromEntries(code)).length).toBeLessThanOrEqual(maxZipBytes);
    },
  );

  it('names the lines of the TypeScript sources in a stack trace', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stack-trace-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await unzip(join(packaged.folder, 'getRecords.zip'), folder);
    const script = `
      const { handler } = await import(${JSON.stringify(join(folder, 'dist/getRecords/index.mjs'))});
      await handler({}, { getRemainingTimeInMillis() { throw new Error('broken') } }).catch(() => {});`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { SERVICENOW_SECRET_ID: 'none', ALLOWED_TABLES: '*' },
    });
    const { stdout, stderr } = await run;
    const [, line = ''] = /lib\/handler-chain\.ts:(\d+)/.exec(stdout + stderr) ?? [];
    const source = (await readFile('lib/handler-chain.ts', 'utf8')).split('\n');
    expect(source[Number(line) - 1]).toContain('getRemainingTimeInMillis');
  });

  it('reads no source map before an error asks for its trace', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'no-map-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await unzip(join(packaged.folder, 'getRecords.zip'), folder);
    const entry = join(folder, 'dist/getRecords/index.mjs');
    await writeFile(`${entry}.map`, 'no map');
    const script = `
      await import(${JSON.stringify(entry)});
      process.stdout.write(new Error('broken').stack);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toMatch(/^Error: broken\n {4}at /);
    expect(await readFile(entry, 'utf8')).not.toContain('sourceMappingURL');
  });

  it.each(['getRecords', 'postRecord', 'writeRecords', 'mapEvents'])(
    'loads in %s neither streams nor worker threads, address lists, cryptography or compression of Node before the first event',
    async (key) => {
      const folder = await mkdtemp(join(tmpdir(), 'built-in-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      await unzip(join(packaged.folder, `${key}.zip`), folder);
      const script = `
        await import(${JSON.stringify(join(folder, `dist/${key}/index.mjs`))});
        const loaded = process.moduleLoadList.join();
        process.stdout.write(loaded);`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      const loaded = stdout.split(',');
      expect(loaded).toContain('NativeModule fs');
      for (const name of ['crypto', 'internal/blocklist', 'stream', 'worker_threads', 'zlib'])
        expect(loaded).not.toContain(`NativeModule ${name}`);
    },
  );

  it('loads in mapEvents JSONata with the first event that a file maps', () => {
    const metafile = metafileOf('mapEvents');
    expect(packagesIn(metafile)).toContain('jsonata');
    expect(packagesIn(metafile, outputsLoadedAtStart(metafile))).not.toContain('jsonata');
  });

  it('loads one file at the start, and what is lazy shares its modules', async () => {
    for (const { key } of functions) expect(outputsLoadedAtStart(metafileOf(key))).toHaveLength(1);
    const { outputs } = metafileOf('postRecord');
    const places = Object.values(outputs).filter(({ inputs }) => 'lib/core/errors.ts' in inputs);
    expect(places).toHaveLength(1);
  });

  it('has source maps that hold no code and name only the files of this project', async () => {
    const files = unzipSync(await readFile(join(packaged.folder, 'writeRecords.zip')));
    const map = JSON.parse(strFromU8(files['dist/writeRecords/index.mjs.map'] ?? new Uint8Array()));
    expect(map.sources).toContain('../../functions/write-records.ts');
    expect(map.sources.filter((source: string) => /node_modules|slim-undici/.test(source))).toEqual([]);
    expect(map).not.toHaveProperty('sourcesContent');
  });

  it.each(httpFunctions)(
    'gives $key the clients of Secrets Manager, of the outcome bus and, for keys, of the state table, and only when they are called',
    ({ key, isKeyed }) => {
      const metafile = metafileOf(key);
      const more = [...(isKeyed ? ['dynamodb'] : []), ...(key === 'postSignal' ? ['sqs'] : [])];
      const used = clients('eventbridge', 'secrets-manager', ...more).sort();
      expect(clientsOf(packagesIn(metafile))).toEqual(used);
      expect(clientsOf(packagesIn(metafile, outputsLoadedAtStart(metafile)))).toEqual([]);
    },
  );

  it.each([
    ['doctor', clients('dynamodb', 'eventbridge', 'lambda', 's3', 'secrets-manager', 'sqs')],
    ['writeRecords', clients('dynamodb', 'eventbridge', 'secrets-manager', 'sqs')],
    ['startImport', clients('dynamodb', 'eventbridge', 'lambda', 's3', 'sqs')],
    ['importCsv', clients('dynamodb', 'eventbridge', 'lambda', 's3', 'secrets-manager', 'sqs')],
  ])('gives %s only the clients that it uses', (key, used) => {
    expect(clientsOf(packagesIn(metafileOf(key)))).toEqual(used);
  });

  it.each(httpFunctions)('leaves out of $key what only imports need', ({ key }) => {
    const packages = packagesIn(metafileOf(key));
    for (const name of ['csv-parse', 'luxon', '@aws/durable-execution-sdk-js'])
      expect(packages).not.toContain(name);
  });

  it.each(httpFunctions)(
    'holds of undici in $key the HTTP/1.1 client, and of zod the mini form',
    ({ key }) => {
      const unwanted =
        /undici\/lib\/(mock|cache|interceptor|web\/(websocket|fetch\/(?!body|formdata)))|zod\/v4\/(classic|locales\/(?!en\.))/;
      expect(filesIn(metafileOf(key)).filter((file) => unwanted.test(file))).toEqual([]);
    },
  );
});
