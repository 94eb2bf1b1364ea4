import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startInstance } from '../../emulator/instance/index.ts';

const run = promisify(execFile);
/**
 * Packed, installed in an empty folder and used there, on the oldest Node that it is for where this machine has it. The folder has what
 * people's folders have in their names, and what a URL would read differently.
 */
const folder = mkdtempSync(join(tmpdir(), 'installed #1 at 50%20 für-'));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache'), npm_config_ignore_scripts: 'false' };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files: readonly string[] = [];
const node = (args: readonly string[]) => run(process.env['OLD_NODE'] ?? 'node', args, { cwd: folder, env });
const snf = (...args: readonly string[]) => node(['node_modules/.bin/snf', ...args]);

beforeAll(async () => {
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder, '.', './emulator'], {
    env,
    maxBuffer: 1 << 26,
  });
  // The build says what it does before npm prints its JSON.
  const [own] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n')));
  files = own.files.map(({ path }: { path: string }) => path);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const tarballs = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await run('npm', [...install, ...tarballs.map((file) => `./${file}`)], { cwd: folder, env });
});

describe('the packed program', () => {
  it('holds what was built, and neither sources nor tests', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/cli.js',
        'dist/client.js',
        'dist/functions/template.json',
        'schemas/record-message.schema.json',
        'examples/README.md',
        'docs/runbooks/README.md',
        'mappings/generic.yaml',
      ]),
    );
    expect(
      files.filter((file) => /^(test|lib|cli|emulator|functions|deploy)\/|\.test\.[jt]s/.test(file)),
    ).toEqual([]);
  });

  it('shows its version and its commands, and understands its arguments', async () => {
    expect((await snf('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { stdout } = await snf('send', '--help');
    expect(stdout).toContain('Usage: snf send [options] <message>');
    await expect(snf('strat')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean start?'),
    });
    expect((await snf('map', '--check')).stdout).toMatch(/mapping files: no errors/);
    await expect(snf('send', '{}')).rejects.toMatchObject({ code: 1 });
  });

  it('runs the packaged functions, and its commands find them', async () => {
    const child = spawn('node', ['node_modules/.bin/snf', 'start', '--json', '--data-dir', 'data'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = await once(createInterface({ input: child.stdout }), 'line');
      const { api, page } = JSON.parse(line);
      for (const asset of ['page.js', 'page.css', 'openapi/swagger-ui-bundle.js', 'openapi/openapi.json'])
        expect((await fetch(new URL(asset, page))).status).toBe(200);
      const post = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"urgency":"1"}',
      };
      expect((await fetch(`${api}/api/now/table/incident`, post)).status).toBe(201);
      expect((await snf('send', '{"table":"incident","key":"a","record":{}}')).stdout).toContain(
        'to the local stack',
      );
      writeFileSync(join(folder, 'people.csv'), 'user_id,first_name,last_name\nada.installed,Ada,Example\n');
      const imported = await snf('import', 'people.csv', '--table', 'imp_user');
      expect(imported.stdout).toMatch(/completed: 1 row in/);
      writeFileSync(join(folder, 'event.json'), '{"tableName":"incident","sysparmLimit":1}');
      expect(JSON.parse((await snf('invoke', 'getRecords', 'event.json')).stdout)).toMatchObject({
        result: [{}],
      });
      expect((await snf('doctor', '--local')).stdout).toMatch(/^ok +secret/);
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
});

describe('the client as a package', () => {
  it('works in a script, with context and clock left to it', async () => {
    const instance = await startInstance({ demoData: false });
    const { url: instanceUrl, username, password } = instance;
    const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
    writeFileSync(
      join(folder, 'script.mjs'),
      `import { createClient, createRecord, encodedQuery, listAll, RecordNotFoundError, getRecord } from 'servicenow-functions';
      const client = createClient({ readSecret: () => ${JSON.stringify(secret)}, allowedHosts: ['127.0.0.1'] });
      await createRecord(client, { table: 'incident', record: { short_description: 'From a script' } });
      const query = encodedQuery().where('short_description', '=', 'From a script');
      for await (const { number } of listAll(client, { table: 'incident', query, fields: ['number'] })) console.log(number);
      await getRecord(client, { table: 'incident', sysId: 'none' }).catch((error) => console.log(error instanceof RecordNotFoundError, error.name));
      await client.close();`,
    );
    expect((await node(['script.mjs'])).stdout).toMatch(/^INC\d+\ntrue RecordNotFoundError\n$/);
    await instance.close();
  });

  it('has types for a strict project', async () => {
    writeFileSync(
      join(folder, 'typed.ts'),
      `import { createClient, listRecords, ServiceNowError } from 'servicenow-functions';
      import { startInstance } from 'servicenow-instance-emulator';
      const instance = await startInstance({ demoData: false });
      declare const process: { env: Record<string, string | undefined> };
      const client = createClient({ readSecret: () => process.env['SERVICENOW_SECRET'] });
      const { records } = await listRecords(client, { table: 'incident', limit: 1 });
      const text: string = records[0]?.['number'] as string;
      // @ts-expect-error a limit is a number
      await listRecords(client, { table: 'incident', limit: 'one' });
      export const facts = (error: unknown) => (error instanceof ServiceNowError ? [error.code, error.status, text] : instance.url);`,
    );
    const options = {
      strict: true,
      noEmit: true,
      module: 'nodenext',
      target: 'es2023',
      skipLibCheck: true,
      types: [],
    };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['typed.ts'] }),
    );
    const compiled = run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder]);
    await expect(compiled).resolves.toMatchObject({ stdout: '' });
  });
});

describe('the packed emulator', () => {
  it('starts an instance for tests', async () => {
    const script = `const { startInstance } = await import('servicenow-instance-emulator');
      const { startStack } = await import('servicenow-instance-emulator/stack');
      const { url, username, password, close } = await startInstance();
      const headers = { authorization: 'Basic ' + btoa(username + ':' + password) };
      const answer = await fetch(url + '/api/now/table/incident?sysparm_limit=1', { headers });
      console.log(answer.status, typeof startStack);
      await close();`;
    writeFileSync(join(folder, 'emulator.mjs'), script);
    const { stdout } = await run(process.execPath, ['emulator.mjs'], { cwd: folder, env });
    expect(stdout).toBe('200 function\n');
  });

  it('is started by its own command', async () => {
    const args = ['node_modules/.bin/servicenow-instance', '--port', '0'];
    const instance = spawn(process.execPath, args, { cwd: folder, env });
    const lines = createInterface(instance.stdout)[Symbol.asyncIterator]();
    let url: string | undefined;
    while (url === undefined) {
      const { value, done } = await lines.next();
      expect(done ?? false).toBe(false);
      url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(value))?.[0];
    }
    expect((await fetch(`${url}/api/now/table/incident`)).status).toBe(401);
    instance.kill('SIGTERM');
    await once(instance, 'exit');
  });
});
