import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
});
afterEach(() => world.close());

async function run(name: string, body: string | Uint8Array, settings: object = {}) {
  await world.put('imports/imp_load/_import.json', JSON.stringify(settings));
  return world.run(await world.drop(`imports/imp_load/${name}`, body));
}

/** What the staging table holds of these columns, by row. */
const staged = (...columns: string[]) =>
  world
    .rows('imp_load')
    .map((row) => columns.map((column) => row[column] ?? ''))
    .sort(([a = ''], [b = '']) => a.localeCompare(b));

const both = [
  ['1', 'a'],
  ['2', 'b'],
];

describe('a column without a name', () => {
  it.each([
    ['pandas', ',u_code,u_text\n0,1,a\n1,2,b\n'],
    ['R', '"","u_code","u_text"\n"0","1","a"\n"1","2","b"\n'],
  ])('is left out where the settings say so: %s', async (_, body) => {
    const refused = await run('x.csv', body);
    expect(refused.reason).toContain('column 1 has no name; give it one, or leave it out with ""');
    expect(refused.file?.stagingColumns).toContainEqual({ name: 'u_code', label: expect.any(String) });
    expect(refused.file?.columns?.map(({ column }) => column)).toEqual([undefined, 'u_code', 'u_text']);
    expect(await world.read(refused.results['report'] ?? '')).toContain(
      '&quot;ignoredColumns&quot;: [&quot;&quot;]',
    );
    expect(staged('u_code')).toEqual([]);
    expect(await run('y.csv', body, { ignoredColumns: [''] })).toMatchObject({ counts: { inserted: 2 } });
    expect(staged('u_code', 'u_text')).toEqual(both);
  });

  it('goes to a column where the settings say so', async () => {
    await run('x.csv', ',u_text\n1,a\n2,b\n', { columns: { '': 'u_code' } });
    expect(staged('u_code', 'u_text')).toEqual(both);
  });

  it.each([
    ['bars', '|u_code|u_text|\n|1|a|\n|2|b|\n'],
    ['a tab', '\tu_code\tu_text\n\t1\ta\n\t2\tb\n'],
  ])('is left out with a warning where it is empty: %s', async (_, body) => {
    const summary = await run('x.csv', body);
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 2, rejected: 0 } });
    expect(summary.settings?.warnings).toEqual([
      expect.stringContaining('column 1 has no name and no value'),
    ]);
    expect(staged('u_code', 'u_text')).toEqual(both);
  });

  it('rejects a row that has a value there behind the rows that were looked at', async () => {
    const empty = Array.from({ length: 60 }, (_, i) => `,e${i},t`).join('\n');
    const summary = await run('x.csv', `,u_code,u_text\n${empty}\nlost,1,a\n`);
    expect(summary).toMatchObject({ counts: { inserted: 60, rejected: 1 } });
    expect(summary.messages[0]?.message).toBe('a value in column 1, which has no name');
  });
});

describe('a name that two columns have', () => {
  const body = 'u_code,u_text,Comment,Comment\n1,a,x,y\n2,b,x,y\n';

  it('is refused with what to do, and may be left out', async () => {
    const refused = await run('x.csv', body);
    expect(refused.reason).toContain(
      'columns 3 and 4 are both called "Comment"; rename one, or leave them out',
    );
    expect(await world.read(refused.results['report'] ?? '')).toContain('[&quot;Comment&quot;]');
    await run('y.csv', body, { ignoredColumns: ['comment'] });
    expect(staged('u_code', 'u_text')).toEqual(both);
  });

  it('is refused where it would fill a column twice', async () => {
    const refused = await run('x.csv', body, { columns: { Comment: 'u_when' } });
    expect(refused).toMatchObject({ status: 'refused' });
    expect(staged('u_code')).toEqual([]);
  });
});

describe('text that a spreadsheet keeps as a formula', () => {
  it('is sent as a person sees it', async () => {
    const rows = ['="007",a', '"=""0,8""",b', '"=""say """"hi""""""",c', '="",d', '=1+1,e', '"=""open",f'];
    await run('x.csv', `="u_code",u_text\n${rows.join('\n')}\n`);
    expect(Object.fromEntries(staged('u_text', 'u_code'))).toEqual({
      a: '007',
      b: '0,8',
      c: 'say "hi"',
      d: '',
      e: '=1+1',
      f: '="open',
    });
  });

  it('is sent so from other encodings, as a date, and is absent where it is empty', async () => {
    const dated = { dateColumns: { u_when: { format: 'dd.MM.yyyy' } }, encoding: 'windows-1252' };
    const body = Buffer.from('u_code,u_text,u_when\n="\xfc7",="",="24.12.2026"\n', 'latin1');
    await run('x.csv', body, { ...dated, emptyAsAbsent: true });
    expect(staged('u_code', 'u_text', 'u_when')).toEqual([['ü7', '', expect.stringContaining('2026-12-24')]]);
  });
});

describe('lines that are no rows', () => {
  it('may be the type that Windows PowerShell writes first', async () => {
    const type = '#TYPE System.Management.Automation.PSCustomObject';
    const body = `${type}\r\n"u_code";"u_text"\r\n"1";"a"\r\n"2";"b"\r\n`;
    expect(await run('x.csv', body)).toMatchObject({ status: 'completed', lines: { rows: 2 } });
    expect(staged('u_code', 'u_text')).toEqual(both);
    const utf16 = Buffer.from(`\uFEFF${type}\n"u_code"\t"u_text"\n"3"\t"c"\n"2"\n`, 'utf16le');
    const summary = await run('y.csv', utf16);
    expect(summary).toMatchObject({ counts: { inserted: 1, rejected: 1 } });
    const rejected = await world.read(summary.results['rejected'] ?? '');
    expect(rejected).toMatch(/^\uFEFF?_line\t_reason\t"u_code"\t"u_text"\r?\n4\t/);
  });

  it.each([
    ['Worker report\n\nu_code,u_text\n1,a\n2,b\n', '"Worker report", and the lines below it have 2'],
    ['Worker report,,\nu_code,u_text,u_when\n1,a,\n2,b,\n', '"Worker report", and the lines below it have 3'],
    ['# exported 2026-11-28\nu_code;u_text\n1;a\n', '"# exported 2026-11-28"'],
    ['# exported 2026-11-28\nu_code,u_text\n1,2\n', '"# exported 2026-11-28"'],
    ['Worker report\nof today\nu_code;u_text\n1;a\n2;b\n', '"Worker report"'],
  ])('are named when they are a title: %j', async (body, reason) => {
    const refused = await run('x.csv', body);
    expect(refused).toMatchObject({ status: 'refused' });
    expect(refused.reason).toContain(reason);
    expect(refused.reason).toContain('delete what stands above the header');
    expect(await world.read(refused.results['report'] ?? '')).not.toContain('ignoredColumns');
    expect(staged('u_code')).toEqual([]);
  });

  it('are values where they are dashes elsewhere than below the header, or two in a single column', async () => {
    const values = await run('x.csv', 'u_code,u_text\n1,a\n--,--\n');
    expect(values).toMatchObject({ counts: { inserted: 2, rejected: 0 } });
    const single = await run('y.csv', 'u_text\n--\nb\n---\n');
    expect(single).toMatchObject({ counts: { rejected: 0 }, lines: { rows: 3 } });
    expect(await run('z.csv', 'u_text\n---\nb\n')).toMatchObject({ counts: { rejected: 1 } });
  });

  it('are rejected by name when they are dashes only', async () => {
    const summary = await run('x.csv', 'u_code,u_text\n------,------\n1,a\n--,b\n');
    expect(summary).toMatchObject({ counts: { inserted: 2, rejected: 1 } });
    expect(summary.messages[0]?.message).toContain('a line of dashes');
    expect(staged('u_code', 'u_text')).toEqual([
      ['--', 'b'],
      ['1', 'a'],
    ]);
  });

  it.each(['u_text\nHello; world\nFoo\nBar\n', 'u_text\n', 'u_text,,\na,,\nb,,\n'])(
    'are not seen in a file of one column: %j',
    async (body) => {
      expect(await run('x.csv', body)).toMatchObject({ status: 'completed' });
    },
  );
});

describe('rows that end before their last columns', () => {
  const body = 'u_code,u_text,u_when\n1,a,2026-01-01 00:00:00\n2,b\n3\n';

  it('are rejected with what to do', async () => {
    const summary = await run('x.csv', body);
    expect(summary).toMatchObject({ counts: { inserted: 1, rejected: 2 } });
    expect(summary.messages.map(({ message }) => message)).toContain(
      '2 fields where the header has 3 (set acceptShortRows if only its last ones are missing)',
    );
  });

  it('are taken where the settings say so, and nothing of the row before is in them', async () => {
    const settings = { acceptShortRows: true };
    expect(await run('x.csv', body, settings)).toMatchObject({ counts: { inserted: 3, rejected: 0 } });
    expect(staged('u_code', 'u_text', 'u_when')).toEqual([
      ['1', 'a', '2026-01-01 00:00:00'],
      ['2', 'b', ''],
      ['3', '', ''],
    ]);
    expect(await run('y.csv', 'u_code,u_text\n4,a,more\n', settings)).toMatchObject({
      counts: { rejected: 1 },
    });
  });
});

describe('JSON Lines of other programs', () => {
  it('may have a comma behind each object', async () => {
    const summary = await run('x.jsonl', '{"u_code":"1","u_text":"a"},\n{"u_code":"2","u_text":"b"} , \r\n');
    expect(summary).toMatchObject({ counts: { inserted: 2, rejected: 0 } });
    expect(staged('u_code', 'u_text')).toEqual(both);
  });

  it.each(['{"u_code":"1"},,', '{"u_code":"1"},{"u_code":"2"}', ','])(
    'are rejected with more than that: %s',
    async (line) => {
      expect(await run('x.jsonl', `${line}\n`)).toMatchObject({ counts: { rejected: 1 } });
    },
  );

  it('keep numbers as they are written', async () => {
    await run('x.jsonl', '{"u_code":12345678901234567890,"u_text":[]}\n'.replace(',"u_text":[]', ''));
    await run('y.jsonl', '{"u_code":-98765432109876543210,"u_text":1e25}\n');
    expect(staged('u_code', 'u_text')).toEqual([
      ['-98765432109876543210', '10000000000000000000000000'],
      ['12345678901234567890', ''],
    ]);
  });
});

it('a date of the form iso may have a blank before its time', async () => {
  const dateColumns = { u_when: { format: 'iso', zone: 'Europe/Berlin' } };
  const moments = ['2026-11-28 10:00:00', '2026-11-28 10:00:00Z', '2026-11-28 10:00:00 +05:00', '2026-11-28'];
  await run('x.csv', `u_code,u_when\n${moments.map((one, i) => `${i},${one}`).join('\n')}\n`, {
    dateColumns,
  });
  expect(staged('u_code', 'u_when')).toEqual([
    ['0', '2026-11-28 09:00:00'],
    ['1', '2026-11-28 10:00:00'],
    ['2', '2026-11-28 05:00:00'],
    ['3', expect.stringContaining('2026-11-28')],
  ]);
});
