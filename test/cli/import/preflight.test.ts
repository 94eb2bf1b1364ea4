import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { parseSettings } from '../../../lib/file-import/plan/settings.ts';
import { runCommand } from '../run-command.ts';

async function world(csv: string) {
  const instance = await startInstance();
  const cwd = mkdtempSync(join(tmpdir(), 'preflight-'));
  onTestFinished(async () => {
    await instance.close();
    rmSync(cwd, { recursive: true });
  });
  const { url: instanceUrl, username, password } = instance;
  writeFileSync(join(cwd, 'people.csv'), csv);
  writeFileSync(
    join(cwd, 'secret.json'),
    JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } }),
  );
  const given = ['people.csv', '--table', 'imp_user', '--secret', 'secret.json'];
  const run = (...args: string[]) =>
    runCommand(['import', ...given, ...args], { cwd, env: { ALLOWED_HOSTS: '127.0.0.1' } });
  return { cwd, run, instance };
}

it('says where each column would go, and uploads nothing', async () => {
  const { run, instance } = await world('user_id;first_name\na;b\n');
  const { code, out, err } = await run('--dry-run');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(
    /^people\.csv: csv, delimiter ";", utf-8\. It can be imported into imp_user\. Its transform maps fill sys_user\.\n/,
  );
  expect(out).toMatch(/^ {2}user_id → \w+/m);
  expect(instance.control.ledger.select({ method: 'POST' })).toEqual([]);
});

it('shows a header without what a terminal acts on', async () => {
  const { run, cwd } = await world('user_id,\u009b2Jevil\u202e\na,b\n');
  writeFileSync(
    join(cwd, '_import.json'),
    JSON.stringify({ columns: { '\u009b2Jevil\u202e': 'last_name' } }),
  );
  const { code, out } = await run('--dry-run');
  expect([code, out]).toEqual([0, expect.stringContaining('evil')]);
  expect(out).not.toMatch(/[\u009b\u202e]/);
});

it('warns of times that a transform may read in another zone', async () => {
  const { run, cwd } = await world('user_id;last_name\na;2026-11-29T08:00Z\n');
  writeFileSync(join(cwd, '_import.json'), '{"dateColumns":{"last_name":{"format":"iso"}}}');
  const { code, out } = await run('--dry-run');
  expect(code).toBe(0);
  expect(out).toMatch(/^warning: times in \w+ are sent in UTC, and the user has no time zone of its own/m);
});

it('refuses what the import would refuse, naming the columns, and suggests settings that help', async () => {
  const { run, cwd } = await world('user_id,Firstname,shoe size\na,b,42\n');
  const refused = await run('--dry-run');
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/no staging column for "Firstname".*\(imp_user also has .*first_name/);
  const suggested = await run('--suggest');
  expect(suggested.out).toMatch(/^_import\.json: 1 of 3 columns matched by name, 1 guessed, 1 left out\./);
  expect(suggested.out).toMatch(
    / Columns of imp_user that nothing fills: (?!.*first_name).*\blast_name\b.*\. Check it/,
  );
  const settings = parseSettings(readFileSync(join(cwd, '_import.json'), 'utf8'));
  expect(settings).toMatchObject({
    columns: { Firstname: expect.stringMatching(/first_name$/) },
    ignoredColumns: ['shoe size'],
  });
  expect((await run('--dry-run')).code).toBe(0);
  const again = await run('--suggest');
  expect([again.code, again.err]).toEqual([1, '_import.json exists; move it away first\n']);
});

it('suggests no column that another header has by its name, and nothing that the import refuses', async () => {
  const { run, cwd } = await world('email,Email address,user_id,User ID (old)\na,b,c,d\n');
  expect((await run('--suggest')).code).toBe(0);
  expect((await run('--dry-run')).code).toBe(0);
  rmSync(join(cwd, '_import.json'));
  writeFileSync(join(cwd, 'people.csv'), 'email,Email\na,b\n');
  const { code, err } = await run('--suggest');
  expect([code, err]).toEqual([1, expect.stringContaining('go to')]);
  expect(existsSync(join(cwd, '_import.json'))).toBe(false);
});

it('checks the deployment that a file names', async () => {
  const { cwd, run } = await world('user_id\na\n');
  rmSync(join(cwd, 'secret.json'));
  const { code, err } = await run('--dry-run');
  expect([code, err]).toEqual([1, 'secret.json: no such file\n']);
});

it('takes the example of docs/imports.md as it is written', async () => {
  const text = readFileSync(new URL('../../../docs/imports.md', import.meta.url), 'utf8');
  const { cwd, run } = await world(/```csv\n(.*?)```/s.exec(text)?.[1] ?? '');
  writeFileSync(join(cwd, '_import.json'), /```json\n(.*?)```/s.exec(text)?.[1] ?? '');
  const { code, out, err } = await run('--dry-run');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('Personnel number → user_id');
  expect(out).toContain('Note → left out');
});
