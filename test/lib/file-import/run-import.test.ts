import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { listObjects } from '../../../lib/aws/s3.ts';
import { type LineResult, tallied } from '../../../lib/file-import/load/row-outcome.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { bucket, startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld();
  return () => world.close();
});

const load = (count: number, prefix: string) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `${prefix}${i},row ${i}`)].join('\n');

async function results(keys: Readonly<Record<string, string>>): Promise<string[][]> {
  const text = await world.read(keys['results'] ?? '');
  return text
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((row) => row.split(','));
}

describe('an import', () => {
  it('brings every row to its target and every line to its verdict', async () => {
    const lines = Array.from({ length: 450 }, (_, i) =>
      i === 9 ? 'user.9,only' : `user.${i},Some,Body ${i}`,
    );
    const body = ['user_id,first_name,last_name', ...lines].join('\n');
    const summary = await world.run(await world.drop('imports/imp_user/people.csv', body));
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 450, blank: 0 } });
    expect(summary.counts).toMatchObject({ inserted: 449, rejected: 1, unknown: 0, notSent: 0 });
    const names = world.rows('sys_user').flatMap((row) => row['user_name'] ?? []);
    expect(names).toEqual(expect.arrayContaining(['user.0', 'user.449']));
    const listed = await results(summary.results);
    expect(listed).toHaveLength(450);
    expect(listed[9]).toEqual([
      '11',
      'rejected',
      '',
      '',
      '',
      '2 fields where the header has 3 (set acceptShortRows if only its last ones are missing)',
      '',
      '',
    ]);
    expect(listed[0]?.slice(0, 3)).toEqual(['2', 'inserted', 'sys_user']);
  });

  it('leaves its results behind and nothing that it worked with', async () => {
    const summary = await world.run(
      await world.drop('imports/imp_load/tidy.csv', 'u_code,u_text\ntidy-1,x\nbad'),
    );
    const folder = (summary.results.summary ?? '').replace('summary.json', '');
    const left: string[] = [];
    for await (const { key } of listObjects(world.s3, bucket, folder)) left.push(key.slice(folder.length));
    expect(left).toEqual(['progress.json', 'rejected.csv', 'report.html', 'results.csv', 'summary.json']);
  });

  it('gives the same answer again for rows that are there: ignored', async () => {
    await world.run(await world.drop('imports/imp_load/again.csv', load(5, 'again-')));
    const summary = await world.run(await world.drop('imports/imp_load/again.csv', `${load(5, 'again-')}\n`));
    expect(summary.counts).toMatchObject({ ignored: 5 });
    const shown = (await results(summary.results)).map((row) => row.slice(2, 5));
    const codeOf = new Map(world.rows('u_item').map((row) => [row['sys_id'], row['u_code']]));
    expect(shown.map(([table, , display]) => `${table} ${display}`)).toEqual(
      ['0', '1', '2', '3', '4'].map((n) => `u_item again-${n}`),
    );
    for (const [, sysId, display] of shown) expect(codeOf.get(sysId)).toBe(display);
  });

  it('sends nothing and says why when a column has no place', async () => {
    const before = world.rows('imp_load').length;
    const summary = await world.run(await world.drop('imports/imp_load/x.csv', 'u_code,__proto,nope\n1,2,3'));
    expect(summary.status).toBe('refused');
    expect(summary.reason).toContain('"__proto", "nope"');
    expect(world.rows('imp_load')).toHaveLength(before);
  });

  it.each([
    ['a table that is not a staging table', 'incident', 'incident is not a staging table'],
    ['a table that is not there', 'imp_nothing', 'imp_nothing does not exist'],
  ])('refuses %s', async (_, table, reason) => {
    const summary = await world.run(await world.drop(`imports/${table}/x.csv`, 'a\n1'));
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain(reason);
  });

  it.each([
    ['an empty column name', 'u_code,,u_text\n1,2,3', 'column 2 has no name'],
    ['a column name twice', 'u_code,u_code\n1,2', 'columns 1 and 2 are both called "u_code"'],
    ['__proto__', '__proto__,u_code\n1,2', 'column 1 is called __proto__'],
    ['100,000 columns', `${'c,'.repeat(99_999)}c\n1`, '100000 columns, 5000 at most'],
    ['nothing but empty lines', '\n\n\n', 'holds no header'],
  ])('refuses a file with %s in its header', async (_, body, reason) => {
    const summary = await world.run(await world.drop('imports/imp_load/header.csv', body));
    expect(summary.status).toBe('refused');
    expect(summary.reason).toContain(reason);
  });

  it('names the setting that is mistyped', async () => {
    await world.settings('imp_load', { rowsPerReqest: 5 });
    const summary = await world.run(await world.drop('imports/imp_load/settings.csv', load(1, 's-')));
    await world.settings('imp_load', {});
    expect(summary.reason).toContain('unknown setting rowsPerReqest');
    expect(world.rows('imp_load').some((row) => row['u_code'] === 's-0')).toBe(false);
  });

  it('follows columns, constants, dates and the key column of the settings', async () => {
    await world.settings('imp_load', {
      delimiter: ';',
      columns: { Nummer: 'u_code', Datum: 'u_when' },
      constants: { u_text: 'always "this"' },
      ignoredColumns: ['Rest'],
      dateColumns: { Datum: { format: 'dd.MM.yyyy HH:mm', zone: 'Europe/Berlin' } },
      keyColumn: 'u_key',
    });
    const body = 'Nummer;Datum;Rest\nset-1;24.12.2026 18:00;x\nset-2;31.02.2026 18:00;x';
    const summary = await world.run(await world.drop('imports/imp_load/set.csv', body));
    await world.settings('imp_load', {});
    expect(summary.counts).toMatchObject({ inserted: 1, rejected: 1 });
    const [row] = world.rows('imp_load').filter((one) => one['u_code'] === 'set-1');
    expect(row).toMatchObject({ u_when: '2026-12-24 17:00:00', u_text: 'always "this"' });
    expect(row?.['u_key']).toMatch(/^[0-9a-f]{12}:2$/);
    expect(summary.messages[0]?.message).toContain('is not a date of the form dd.MM.yyyy HH:mm');
  });

  it.each([
    ['America/Los_Angeles', 'dd.MM.yyyy HH:mm', 'has the time zone America/Los_Angeles'],
    ['', 'iso', 'has no time zone of its own'],
    ['GMT', 'dd.MM.yyyy HH:mm', undefined],
    ['America/Los_Angeles', 'dd.MM.yyyy', undefined],
  ])(
    'warns of times in text that the user may have transformed in another zone: %s, %s',
    async (zone, format, part) => {
      const { store } = world.instance.state;
      const user = store.select('sys_user').find((row) => row['user_name'] === 'watched.user');
      store.update(
        'sys_user',
        user?.['sys_id'] ?? '',
        { time_zone: zone },
        { userName: 'admin', sysId: '0'.repeat(32) },
      );
      await world.settings('imp_load', { dateColumns: { u_when: { format } } });
      const summary = await world.run(
        await world.drop('imports/imp_load/zoned.csv', 'u_code,u_when\nzoned,'),
      );
      await world.settings('imp_load', {});
      expect(summary.status).toBe('completed');
      const warnings = part === undefined ? undefined : [expect.stringContaining(part)];
      expect(summary.settings?.warnings).toEqual(warnings);
      const report = await world.read(summary.results['report'] ?? '');
      expect(report.includes('set the time zone of the user to GMT')).toBe(part !== undefined);
    },
  );

  it('rejects a value that its column would cut', async () => {
    const body = `u_code,u_text\nlong-1,${'ü'.repeat(100)}\nlong-2,${'ü'.repeat(101)}`;
    const summary = await world.run(await world.drop('imports/imp_load/long.csv', body));
    expect(summary.counts).toMatchObject({ inserted: 1, rejected: 1 });
    expect((await results(summary.results))[1]?.[5]).toContain('101 characters');
  });

  it.each([
    ['UTF-16 little endian', Buffer.from(`\uFEFF${load(3, 'le-é')}`, 'utf16le'), {}],
    ['UTF-16 big endian', Buffer.from(`\uFEFF${load(3, 'be-é')}`, 'utf16le').swap16(), {}],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${load(3, 'bom-é')}`), {}],
    ['windows-1252', Buffer.from(load(3, 'win-é'), 'latin1'), { encoding: 'windows-1252' }],
  ])('reads %s', async (_, body, settings) => {
    await world.settings('imp_load', settings);
    const summary = await world.run(await world.drop('imports/imp_load/encoded.csv', body));
    await world.settings('imp_load', {});
    expect(summary.counts).toMatchObject({ inserted: 3, rejected: 0 });
    const wanted = body.includes(0xe9) && !body.includes(0) ? 'win-é0' : undefined;
    const codes = world.rows('imp_load').map((row) => row['u_code']);
    expect(codes.filter((code) => code?.endsWith('-é0'))).not.toHaveLength(0);
    if (wanted) expect(codes).toContain(wanted);
  });

  it('reads a compressed file to its end, over several groups', async () => {
    await world.settings('imp_load', { rowsPerRequest: 10 });
    const body = gzipSync(load(1_200, 'gz-'));
    const summary = await world.run(await world.drop('imports/imp_load/sub/gz.csv.gz', body));
    await world.settings('imp_load', {});
    expect(summary.counts).toMatchObject({ inserted: 1_200 });
    expect(summary.results['results']).toContain('results/imp_load/sub/gz/');
  });

  it('goes from group to group without taking the next one for interrupted', async () => {
    await world.settings('imp_load', { rowsPerRequest: 5, inDoubtSeconds: 3_000 });
    const asked = () => world.instance.state.ledger.select({ path: '/api/now/table/sys_import_set?' });
    // The first import of a table finds no sets that are there already.
    await world.run(await world.drop('imports/imp_load/first.csv', load(1, 'first-')));
    const first = asked().length;
    await world.run(await world.drop('imports/imp_load/group.csv', load(1, 'group-')));
    const [before, startedMs] = [asked().length, world.clock.waitedMs()];
    const summary = await world.run(await world.drop('imports/imp_load/groups.csv', load(400, 'groups-')));
    await world.settings('imp_load', {});
    expect(summary.counts).toMatchObject({ inserted: 400 });
    // The pre-flight asks for the sets that are there already, reconciling would ask again.
    expect(asked().length - before).toBe(before - first);
    expect(world.clock.waitedMs() - startedMs).toBeLessThan(3_000_000);
  });

  it('stops at a file that was cut off', async () => {
    const cut = gzipSync(load(8_000, 'cut-')).subarray(0, 20_000);
    const half = await world.run(await world.drop('imports/imp_load/cut.csv.gz', cut));
    expect(half).toMatchObject({ status: 'stopped' });
    expect(half.reason).toContain('cannot be inflated to its end');
    expect(tallied(half.counts)).toBe(half.lines.rows);
    // The rows that were read last never filled a request; they are listed all the same.
    expect(half.counts.notSent % 200).toBeGreaterThan(0);
    expect(half.counts.inserted % 200).toBe(0);
  });

  it('takes JSON Lines with values of any simple kind', async () => {
    const rows = [
      '{"u_code":"j-1","u_text":true}',
      '{"Code":"j-2","Free text":12.5}',
      '{"u_code":{}}',
      'nonsense',
    ];
    const summary = await world.run(await world.drop('imports/imp_load/rows.jsonl', rows.join('\n')));
    expect(summary.counts).toMatchObject({ inserted: 2, rejected: 2 });
    const texts = world.rows('imp_load').filter((row) => row['u_code']?.startsWith('j-'));
    expect(texts.map((row) => row['u_text']).sort()).toEqual(['12.5', 'true']);
    expect(await world.read(summary.results['rejected'] ?? '')).toContain('"_line":"3"');
  });

  it('sends single rows through the Batch API in rows mode and has their verdicts at once', async () => {
    await world.settings('imp_load', { mode: 'rows', rowsPerRequest: 60 });
    const batches = () =>
      world.instance.state.ledger.select({ method: 'POST', path: '/api/now/v1/batch' }).length;
    const before = batches();
    const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(130, 'rows-')));
    await world.settings('imp_load', {});
    // Three requests of 60, 60 and 10 rows, 50 rows a batch.
    expect(batches() - before).toBe(5);
    expect(summary.counts).toMatchObject({ inserted: 130 });
    const [, , table, sysId, display] = (await results(summary.results))[0] ?? [];
    expect([table, display]).toEqual(['u_item', 'rows-0']);
    expect(world.rows('u_item').some((row) => row['sys_id'] === sysId)).toBe(true);
  });

  it.each(['csv', 'csv.gz'])(
    'gives rejected and failed rows back with their own bytes, to drop again: %s',
    async (ending) => {
      await world.settings('imp_load', { rowsPerRequest: 2, ignoredColumns: ['note'] });
      const text =
        'u_code;u_text;note\r\nback-1;fine;"é;1"\r\n;no code;"é;2"\r\nback-3;short\r\nback-4;fine;x\r\n;none;"a ""b"""';
      const body = ending === 'csv' ? text : gzipSync(text);
      const summary = await world.run(await world.drop(`imports/imp_load/back.${ending}`, body));
      expect(summary.counts).toMatchObject({ skipped: 2, rejected: 1 });
      const given = (await world.read(summary.results['rejected'] ?? '')).trimEnd().split('\r\n');
      expect(given[0]).toBe('_line;_reason;u_code;u_text;note');
      expect(given[1]).toMatch(/^3;"skipped: .*";;no code;"é;2"$/);
      expect(given[2]).toBe(
        '4;"2 fields where the header has 3 (set acceptShortRows if only its last ones are missing)";back-3;short',
      );
      expect(given[3]).toMatch(/^6;"skipped: .*";;none;"a ""b"""$/);
      const repaired = given.map((row) =>
        row.replace(';;no', ';repaired-2;no').replace(';short', ';short;x'),
      );
      repaired[3] = given[3]?.replace(';;none', ';repaired-6;none') ?? '';
      const again = await world.run(
        await world.drop(`imports/imp_load/again-${ending.length}.csv`, repaired.join('\n')),
      );
      await world.settings('imp_load', {});
      expect(again.counts).toMatchObject({ rejected: 0, skipped: 0, error: 0 });
      expect(again.lines.rows).toBe(3);
    },
  );

  it('stops early when too many rows fail and lists the rest as not sent', async () => {
    await world.settings('imp_load', { rowsPerRequest: 20, maxErrors: 10, concurrency: 1 });
    const bad = Array.from({ length: 3_000 }, (_, i) => (i < 1_000 ? `stop-${i},x,y` : `stop-${i},x`));
    const summary = await world.run(
      await world.drop('imports/imp_load/stop.csv', ['u_code,u_text', ...bad].join('\n')),
    );
    await world.settings('imp_load', {});
    expect(summary.status).toBe('stopped');
    expect(summary.reason).toContain('maxErrors is 10');
    expect(summary.counts.notSent).toBeGreaterThan(0);
    expect(tallied(summary.counts)).toBe(3_000);
    expect(await results(summary.results)).toHaveLength(3_000);
  });

  it('goes on in further executions when one has had its operations', async () => {
    const settings = { rowsPerRequest: 2, operationsPerExecution: 11, inDoubtSeconds: 3_000 };
    await world.settings('imp_load', settings);
    const before = world.clock.waitedMs();
    const summary = await world.run(await world.drop('imports/imp_load/chain.csv', load(800, 'chain-')));
    await world.settings('imp_load', {});
    // None of them takes the place where it goes on for one that was interrupted, which waits for 50 minutes.
    expect(world.clock.waitedMs() - before).toBeLessThan(3_000_000);
    expect(summary.executions).toBe(2);
    expect(summary.counts).toMatchObject({ inserted: 800 });
    const outcomes: LineResult['outcome'][] = ['inserted'];
    expect(new Set((await results(summary.results)).map((row) => row[1]))).toEqual(new Set(outcomes));
  });

  it('shows that it looks at the file before it loads, and that it is done', async () => {
    const phases: string[] = [];
    const request = await world.drop('imports/imp_load/phases.csv', load(3, 'phases-'));
    const watched: ServiceNowClient = {
      async send(call, context) {
        // It is stored while the calls go on.
        const keys = await world.keys('results/imp_load/phases/');
        const key = keys.find((one) => one.endsWith('progress.json'));
        if (key) phases.push(JSON.parse(await world.read(key)).phase);
        return world.client.send(call, context);
      },
      close: () => world.client.close(),
    };
    const summary = await world.run(request, new Map(), () => watched);
    expect(phases[0]).toBe('pre-flight');
    const shown = await world.read(summary.results['summary']?.replace('summary', 'progress') ?? '');
    expect(JSON.parse(shown)).toMatchObject({ key: summary.source.key });
    expect(JSON.parse(shown)).toMatchObject({ phase: 'done', rows: 3, counts: { inserted: 3 } });
  });

  it('leaves only the results behind', async () => {
    const summary = await world.run(await world.drop('imports/imp_load/clean.csv', load(3, 'clean-')));
    const folder = summary.results['summary']?.replace('summary.json', '') ?? '';
    const names = (await world.keys(folder)).map((key) => key.slice(folder.length));
    expect(names.sort()).toEqual(['progress.json', 'report.html', 'results.csv', 'summary.json']);
    expect(await world.waiting()).toEqual([]);
  });

  it('stops with a clear reason when the object is replaced under it', async () => {
    await world.settings('imp_load', { rowsPerRequest: 10 });
    const request = await world.drop('imports/imp_load/replaced.csv', load(100, 'old-'));
    await world.drop('imports/imp_load/replaced.csv', load(100, 'new-'));
    const summary = await world.run(request);
    await world.settings('imp_load', {});
    expect(summary.status).toBe('refused');
    expect(summary.reason).toContain('was replaced or removed');
    expect(world.rows('imp_load').some((row) => row['u_code']?.startsWith('new-'))).toBe(false);
  });

  it('stops in the middle of its load when the object is replaced under it, and accounts for what it read', async () => {
    const sink = await startWorld({ demoData: false, switches: { sinkStagingTables: ['imp_load'] } });
    onTestFinished(() => sink.close());
    await sink.settings('imp_load', { rowsPerRequest: 1_000, ordered: true });
    const rows = Array.from({ length: 60_000 }, (_, i) => `old-${i},${'x'.repeat(90)}`);
    const request = await sink.drop('imports/imp_load/mid.csv', ['u_code,u_text', ...rows].join('\n'));
    let sent = 0;
    const replacing: ServiceNowClient = {
      async send(call, context) {
        if (call.method === 'POST' && ++sent === 12)
          await sink.drop('imports/imp_load/mid.csv', 'u_code,u_text\nnew,x');
        return sink.client.send(call, context);
      },
      close: () => sink.client.close(),
    };
    const summary = await sink.run(request, new Map(), () => replacing);
    expect(summary.status).toBe('stopped');
    expect(summary.reason).toContain('was replaced or removed while it was being imported');
    const staged = sink.rows('imp_load').map((row) => row['u_code']);
    expect(staged).toHaveLength(summary.lines.rows - summary.counts.notSent);
    expect(new Set(staged).size).toBe(staged.length);
    expect(staged).not.toContain('new');
    expect(summary.counts).toMatchObject({ inserted: staged.length });
    expect(staged.length).toBeGreaterThan(10_000);
    expect(staged.length).toBeLessThan(60_000);
  });
});
