import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import { system } from '../../../emulator/instance/row.ts';
import { createClient } from '../../../lib/servicenow/client.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
  return () => world.close();
});

let count = 0;

/** Imports a file of this ending and content, with these settings. */
async function run(ending: string, body: string | Uint8Array, settings: object = {}, table = 'imp_load') {
  await world.settings(table, settings);
  const bytes = ending.endsWith('.gz') ? gzipSync(body) : body;
  return world.run(await world.drop(`imports/${table}/bad-${count++}.${ending}`, bytes));
}

/** `line outcome message` of each line of results.csv. */
async function listed(results: Readonly<Record<string, string>>): Promise<string[]> {
  const text = await world.read(results['results'] ?? '');
  const rows = text.trimEnd().split('\r\n').slice(1);
  return rows.map((row) => {
    const [, line, outcome, message] = /^(\d+),(\w+),[^,]*,[^,]*,[^,]*,(.*),[^,]*,[^,]*$/.exec(row) ?? [];
    return `${line} ${outcome} ${message}`.trim();
  });
}

const codes = () => world.rows('imp_load').map((row) => row['u_code']);

describe.each(['', '.gz'])('a file of each format, ending in "%s"', (packed) => {
  it.each([
    ['csv', 'u_code,u_text\n1,a\n2,b\n'],
    ['tsv', 'u_code\tu_text\n1\ta\n2\tb\n'],
    ['jsonl', '{"u_code":"1","u_text":"a"}\n{"u_code":"2","u_text":"b"}\n'],
  ])('is read: .%s', async (format, body) => {
    const summary = await run(format + packed, body);
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 2 } });
    expect(summary.counts.rejected).toBe(0);
  });

  it.each([
    ['csv', 'u_code,u_text\n'],
    ['tsv', 'u_code\tu_text\r\n'],
    ['jsonl', '\n'],
  ])('completes without a row when it has none: .%s', async (format, body) => {
    const summary = await run(format + packed, body);
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 0 } });
  });

  it.each([
    ['csv', 'refused'],
    ['tsv', 'refused'],
    ['jsonl', 'completed'],
  ])('has a clear outcome when it is empty: .%s', async (format, status) => {
    const summary = await run(format + packed, '');
    expect(summary).toMatchObject({ status, lines: { rows: 0 } });
    if (status === 'refused') expect(summary.reason).toContain('holds no header');
  });

  it.each([
    ['csv', 'u_code,u_text\n1,a\n2,a\0b\n3\n4,"x\n'],
    ['tsv', 'u_code\tu_text\n1\ta\n2\ta\0b\n3\n4\t"x\n'],
  ])('keeps its good rows next to bad ones: .%s', async (format, body) => {
    const summary = await run(format + packed, body);
    expect(summary.counts).toMatchObject({ rejected: 3 });
    expect((await listed(summary.results)).slice(1)).toEqual([
      '3 rejected a NUL at byte 21',
      '4 rejected 1 fields where the header has 2 (set acceptShortRows if only its last ones are missing)',
      '5 rejected the quote that opens field 2 is never closed',
    ]);
  });

  it('keeps the good rows of .jsonl next to bad ones', async () => {
    const invalid = Buffer.concat([Buffer.from('{"u_code":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    const rows = ['{"u_code":"1"}', '[1]', 'nonsense', '{"u_code":{}}', '{"__proto__":"x"}', ''];
    const summary = await run(`jsonl${packed}`, Buffer.concat([Buffer.from(rows.join('\n')), invalid]));
    expect(await listed(summary.results)).toEqual([
      expect.stringMatching(/^1 (inserted|ignored|updated)/),
      '2 rejected not a JSON object',
      '3 rejected not JSON: invalid symbol at column 1',
      expect.stringMatching(/^4 rejected "u_code: holds an object or a list/),
      '5 rejected __proto__: no such column in the staging table or the settings',
      expect.stringMatching(/^6 rejected not valid utf-8 at byte \d+$/),
    ]);
  });
});

it('rejects in JSON Lines a NUL that is escaped, and a column that a row names twice', async () => {
  const rows = ['{"u_code":"nul\\u0000"}', '{"u_code":"a","Code":"b"}'];
  const summary = await run('jsonl', rows.join('\n'));
  expect(await listed(summary.results)).toEqual([
    '1 rejected u_code: a NUL',
    '2 rejected "Code: goes to u_code, for which the row has a value already"',
  ]);
});

describe('text of every kind', () => {
  const rows = (newline: string, delimiter: string, name: string) =>
    ['u_code,u_text', `${name}-1,"a,b"`, `${name}-2,é`]
      .join(newline)
      .replaceAll(/,(?!b)/g, delimiter)
      .replaceAll('a,b', `a${delimiter}b`);

  it.each([',', ';', '\t', '|'])('has its delimiter found: %j', async (delimiter) => {
    const name = `delimiter${delimiter.charCodeAt(0)}`;
    const summary = await run('csv', rows('\n', delimiter, name));
    expect(summary.counts).toMatchObject({ inserted: 2, rejected: 0 });
    const [row] = world.rows('imp_load').filter((one) => one['u_code'] === `${name}-1`);
    expect(row?.['u_text']).toBe(`a${delimiter}b`);
  });

  it.each(['\n', '\r\n', '\r'])('may end its lines with %j', async (newline) => {
    const name = `newline${[...newline].map((one) => one.charCodeAt(0)).join('-')}`;
    const summary = await run('csv', rows(newline, ',', name));
    expect(await listed(summary.results)).toEqual(['2 inserted', '3 inserted']);
    expect(codes()).toEqual(expect.arrayContaining([`${name}-1`, `${name}-2`]));
  });

  const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16();
  it.each([
    ['UTF-16 LE by its name', (text: string) => Buffer.from(text, 'utf16le'), 'utf-16le'],
    ['UTF-16 BE by its name', swapped, 'utf-16be'],
    ['UTF-16 LE by its mark', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le'), undefined],
    ['UTF-16 BE by its mark', (text: string) => swapped(`\uFEFF${text}`), undefined],
    ['windows-1252', (text: string) => Buffer.from(text, 'latin1'), 'windows-1252'],
    ['UTF-8 by its mark, against the setting', (text: string) => Buffer.from(`\uFEFF${text}`), 'latin1'],
  ])('may be %s', async (name, encode, encoding) => {
    const code = name.replaceAll(/\W/g, '');
    const body = encode(rows('\r\n', ';', code));
    const summary = await run('csv', body, encoding === undefined ? {} : { encoding });
    expect(summary.counts).toMatchObject({ inserted: 2, rejected: 0 });
    const [row] = world.rows('imp_load').filter((one) => one['u_code'] === `${code}-2`);
    expect(row?.['u_text']).toBe('é');
  });

  it('names line and byte of the file for what is no UTF-16', async () => {
    const text = Buffer.from('\uFEFFu_code,u_text\nä-1,x\nb-2,€!\nc-3,x', 'utf16le');
    const at = text.indexOf(Buffer.from('!', 'utf16le'));
    text.set([0x00, 0xdc], at);
    for (const ending of ['csv', 'csv.gz']) {
      const summary = await run(ending, text);
      expect((await listed(summary.results))[1]).toBe(`3 rejected not valid utf-16le at byte ${at}`);
    }
  });

  it('rejects a record over 1 MiB and keeps the rest', async () => {
    const summary = await run('csv', `u_code,u_text\nbig,${'x'.repeat(1_100_000)}\nsmall,x`);
    expect(await listed(summary.results)).toEqual([
      '2 rejected the record is longer than 1048576 bytes',
      '3 inserted',
    ]);
  });
});

describe('a row that the instance skips for its length', () => {
  const rows = ['u_code,u_text', 'long-1,x', `long-2,${'y'.repeat(90)}`, ',x', 'long-4,x'];

  async function skipping(settings: object) {
    const { switches } = world.instance.state;
    const before = switches.maxStagingRowBytes;
    Object.assign(switches, { maxStagingRowBytes: 80 });
    onTestFinished(() => void Object.assign(switches, { maxStagingRowBytes: before }));
    return listed((await run('csv', rows.join('\n'), settings)).results);
  }

  it('is an error, and the only one: the rows behind it have their own verdicts', async () => {
    expect(await skipping({})).toEqual([
      expect.stringMatching(/^2 (inserted|ignored)/),
      expect.stringMatching(/^3 error .*the instance did not keep the row/),
      expect.stringMatching(/^4 skipped/),
      expect.stringMatching(/^5 (inserted|ignored)/),
    ]);
  });

  it('is an error, and the only one, when rows carry keys', async () => {
    expect(await skipping({ keyColumn: 'u_key' })).toEqual([
      expect.stringMatching(/^2 (inserted|ignored)/),
      expect.stringMatching(/^3 error .*the instance did not keep the row/),
      expect.stringMatching(/^4 skipped/),
      expect.stringMatching(/^5 (inserted|ignored)/),
    ]);
  });
});

describe('a staging table that extends another one', () => {
  it('takes the columns of both', async () => {
    const summary = await run('csv', 'u_code,u_more\nchild-1,x\n', {}, 'imp_load_child');
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 1 } });
    expect(world.rows('imp_load_child')).toMatchObject([{ u_code: 'child-1', u_more: 'x' }]);
  });
});

describe('what the user may not see', () => {
  function clientFor(roles: string[]) {
    const { auth } = world.instance.control;
    addAccount(auth, { userName: 'limited', password: 'p', roles });
    const client = createClient({
      readSecret: async () =>
        JSON.stringify({
          instanceUrl: world.instance.url,
          auth: { type: 'basic', username: 'limited', password: 'p' },
        }),
      allowedHosts: ['127.0.0.1'],
    });
    onTestFinished(() => client.close());
    return () => client;
  }

  it.each([
    ['table descriptions', 'sys_db_object', 'read', 'import_admin'],
    ['table descriptions by any API', 'sys_db_object', 'rest', 'import_admin'],
    ['column descriptions', 'sys_dictionary', 'read', 'personalize_dictionary'],
    ['column descriptions by any API', 'sys_dictionary', 'rest', 'import_admin'],
  ] as const)('stops the pre-flight, naming the role that helps: %s', async (_, table, operation, role) => {
    const before = world.rows('imp_load').length;
    const client = clientFor(['itil']);
    world.instance.control.auth.access.add({ table, operation, roles: [role] });
    const request = await world.drop('imports/imp_load/acl.csv', 'u_code,u_text\nacl-1,x');
    const summary = await world.run(request, new Map(), client);
    expect(summary.status).toBe('refused');
    expect(summary.reason).toContain(role);
    expect(world.rows('imp_load')).toHaveLength(before);
  });

  it('does not stop a user with that role', async () => {
    const client = clientFor(['import_admin', 'personalize_dictionary']);
    world.instance.control.auth.access.add({
      table: 'sys_db_object',
      operation: 'read',
      roles: ['import_admin'],
    });
    const request = await world.drop('imports/imp_load/acl.csv', 'u_code,u_text\nacl-2,x');
    expect(await world.run(request, new Map(), client)).toMatchObject({ counts: { inserted: 1 } });
  });

  it.each([
    ['refuses to guess', {}, 'refused'],
    ['believes the settings', { insertMultipleKeys: 'names' }, 'completed'],
  ])('%s where insertMultiple takes names and the user may not see that', async (_, settings, status) => {
    const { store } = world.instance.state;
    const row = { source_table: 'imp_load', column_mapping: 'column_name' };
    store.insert('sys_rest_insert_multiple', row, system);
    const client = clientFor(['import_admin', 'itil']);
    const table = 'sys_rest_insert_multiple';
    world.instance.control.auth.access.add({ table, operation: 'read', roles: [] });
    const before = world.rows('imp_load').length;
    await world.settings('imp_load', settings);
    const request = await world.drop('imports/imp_load/names.csv', `u_code,u_text\nnames-${status},x`);
    const summary = await world.run(request, new Map(), client);
    expect(summary.status).toBe(status);
    if (status === 'refused') expect(summary.reason).toContain('import_admin');
    if (status === 'refused') expect(world.rows('imp_load')).toHaveLength(before);
    else expect(codes()).toContain('names-completed');
  });

  it('says that a row waits for its transform where single rows are not transformed at once', async () => {
    const { store } = world.instance.state;
    const values = { table_name: 'imp_load_child', mode: 'asynchronous', state: 'loading' };
    store.insert('sys_import_set', values, system);
    const summary = await run('csv', 'u_code\nwaits-1', { mode: 'rows' }, 'imp_load_child');
    expect(summary.counts).toMatchObject({ unknown: 1 });
    expect(summary.messages[0]?.message).toBe('its transform is still pending');
  });

  it('names what hides the verdicts in rows mode, and waits for none of them', async () => {
    const client = clientFor(['import_admin', 'itil']);
    world.instance.control.auth.access.add({ table: 'sys_transform_map', operation: 'read', roles: [] });
    await world.settings('imp_load', { mode: 'rows' });
    const request = await world.drop('imports/imp_load/maps.csv', 'u_code,u_text\nmaps-1,x\nmaps-2,x');
    const before = world.clock.waitedMs();
    const summary = await world.run(request, new Map(), client);
    expect(summary.counts).toMatchObject({ unknown: 2 });
    expect(summary.messages[0]?.message).toContain('allow the user to read sys_transform_map');
    expect(codes().filter((code) => code?.startsWith('maps-'))).toHaveLength(2);
    expect(world.clock.waitedMs() - before).toBeLessThan(60_000);
  });

  it('says so when the user may not insert into the staging table', async () => {
    const client = clientFor(['itil']);
    world.instance.control.auth.access.add({ table: 'imp_load', operation: 'create', roles: [] });
    const request = await world.drop('imports/imp_load/acl.csv', 'u_code,u_text\nacl-3,x');
    const summary = await world.run(request, new Map(), client);
    expect(summary.status).toBe('stopped');
    expect(summary.reason).toContain('ACL Exception Insert Failed');
    expect(summary.counts).toMatchObject({ error: 1 });
  });
});
