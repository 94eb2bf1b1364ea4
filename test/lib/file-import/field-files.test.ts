import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
});
afterEach(() => world.close());

async function run(name: string, body: string | Uint8Array, settings: object | string = {}) {
  const text = typeof settings === 'string' ? settings : JSON.stringify(settings);
  await world.put('imports/imp_load/_import.json', text);
  return world.run(await world.drop(`imports/imp_load/${name}`, body));
}

/** What the staging table holds of these columns, by row. */
const staged = (...columns: string[]) =>
  world
    .rows('imp_load')
    .map((row) => columns.map((column) => row[column] ?? ''))
    .sort(([a = ''], [b = '']) => a.localeCompare(b));

/** The lines of results.csv that are none of these: line, outcome and message. */
async function problems(results: Readonly<Record<string, string>>): Promise<string[]> {
  const text = await world.read(results['results'] ?? '');
  return text
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((row) => /^(\d+),(\w+),[^,]*,[^,]*,[^,]*,(.*),[^,]*,[^,]*$/.exec(row) ?? [])
    .filter(([, , outcome = '']) => !['inserted', 'updated', 'ignored'].includes(outcome))
    .map(([, line, outcome, message]) => `${line} ${outcome} ${message}`);
}

describe('a file as Excel writes it', () => {
  it('may name its delimiter in its first line, which is no row', async () => {
    const summary = await run('sep.csv', 'sep=|\r\nu_code|u_text\r\n1|a,b,c;d\r\n');
    expect(summary).toMatchObject({ status: 'completed', lines: { rows: 1 } });
    expect(staged('u_code', 'u_text')).toEqual([['1', 'a,b,c;d']]);
  });

  it.each(['sep=;;', '"sep=;"', 'SEP=;  '])('may have that line in another form: %s', async (line) => {
    await run('sep.csv', `${line}\nu_code;u_text;\n1;a,b;\n`);
    expect(staged('u_code', 'u_text')).toEqual([['1', 'a,b']]);
  });

  it.each(['\uFEFF\uFEFFsep=;', '\r\n \nsep=;', 'sep = ;'])(
    'may have more in front of it or in it: %j',
    async (line) => {
      await run('sep.csv', `${line}\r\nu_code;u_text\r\n1;a,b\r\n`);
      expect(staged('u_code', 'u_text')).toEqual([['1', 'a,b']]);
    },
  );

  it('may have such a line as the value of a single column, and fixed blanks around quoted values', async () => {
    await run('one.csv', 'u_code\nsep=x\n');
    await run('nbsp.csv', 'u_code;u_text\n2;\u00A0"a;b"\u3000\n3;\u00A0a\n');
    const latin = Buffer.from('u_code;u_text\n4;\xA0"c;d"\xA0\n', 'latin1');
    await run('latin.csv', latin, { encoding: 'windows-1252' });
    expect(staged('u_code', 'u_text')).toEqual([
      ['2', 'a;b'],
      ['3', '\u00A0a'],
      ['4', 'c;d'],
      ['sep=x', ''],
    ]);
  });

  it('may name a tab by the two characters of its escape', async () => {
    const summary = await run('tab.csv', 'sep=\\t\r\nu_code\tu_text\r\n1\ta;b\r\nsep=\\t\r\n2\tc\td\r\n');
    expect(staged('u_code', 'u_text')).toEqual([['1', 'a;b']]);
    expect(await problems(summary.results)).toEqual([
      '4 rejected repeats the line sep=',
      '5 rejected 3 fields where the header has 2',
    ]);
    const rejected = await world.read(summary.results['rejected'] ?? '');
    const again = await run('again.csv', rejected.replace('c\td', 'c'));
    expect(again.counts).toMatchObject({ inserted: 1, rejected: 1 });
  });

  it('has no header where its lines hold delimiters alone', async () => {
    const summary = await run('nothing.csv', '\r\n;;\r\n ; ;\r\n');
    expect(summary).toMatchObject({ status: 'refused', reason: 'file: holds no header and no rows' });
  });

  it('gives back rejected rows with that first line, to drop again', async () => {
    const summary = await run('sep.csv', 'sep=|\r\nu_code|u_text\r\n1|a|b\r\n2|a;b\r\n');
    const rejected = await world.read(summary.results['rejected'] ?? '');
    expect(rejected).toMatch(/^sep=\|\r\n_line\|_reason\|u_code\|u_text\r\n3\|"3 fields[^"]*"\|1\|a\|b\r\n$/);
    const again = await run('again.csv', rejected.replace('|1|a|b', '|1|a;b'));
    expect(again.counts).toMatchObject({ inserted: 1, rejected: 0 });
  });

  it('has its first line and its header once: what repeats them in the middle is rejected by name', async () => {
    const rows = [
      'sep=;',
      'u_code ;u_text',
      '1;a',
      'sep=;',
      'u_code ;u_text',
      '\uFEFFSEP=;;',
      '2;b',
      ' U_CODE;"u_text";',
    ];
    const summary = await run('twice.csv', rows.join('\n'));
    const repeated = ['4 rejected repeats the line sep=', '5 rejected repeats the header line'];
    const more = ['6 rejected repeats the line sep=', '8 rejected repeats the header line'];
    expect(await problems(summary.results)).toEqual([...repeated, ...more]);
    // Dropped again with the reasons in front, they are no rows either.
    const again = await run('again.csv', await world.read(summary.results['rejected'] ?? ''));
    expect(again.counts).toMatchObject({ rejected: 4, inserted: 0, ignored: 0 });
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
  });

  it.each(['utf-8', 'utf-16le'] as const)(
    'may be files that were put together, each with its byte order mark: %s',
    async (encoding) => {
      const rows = [
        '\uFEFFu_code;u_text',
        '\uFEFF1;a',
        '\uFEFF"2";"b\nb"',
        '3;\uFEFFc',
        '\uFEFF',
        '\uFEFF\uFEFF4;d;x',
        '\uFEFF5;e',
      ];
      const summary = await run('together.csv', Buffer.from(rows.join('\n'), encoding));
      expect(summary).toMatchObject({ lines: { rows: 5, blank: 1 }, counts: { inserted: 4, rejected: 1 } });
      expect(staged('u_code', 'u_text')).toEqual([
        ['1', 'a'],
        ['2', 'b\nb'],
        ['3', '\uFEFFc'],
        ['5', 'e'],
      ]);
      const rejected = await world.read(summary.results['rejected'] ?? '');
      expect(rejected).toMatch(/;4;d;x\r\n$/);
      expect(rejected.lastIndexOf('\uFEFF')).toBeLessThanOrEqual(0);
    },
  );

  it('may be a single column whose text has any delimiter', async () => {
    await run('single.csv', 'u_code\none, two\nthree; four\n');
    expect(staged('u_code')).toEqual([['one, two'], ['three; four']]);
  });

  it('may have trailing delimiters in its header, its rows, or both', async () => {
    const rows = ['u_code;u_text;;', '1;a', '2;b;', '3;c;;', '4;d;;;; ', '5;e;x', '6'];
    const summary = await run('trailing.csv', rows.join('\n'));
    expect(staged('u_code', 'u_text')).toEqual([1, 2, 3, 4].map((n) => [`${n}`, ' abcd'[n]]));
    expect(await problems(summary.results)).toEqual([
      '6 rejected 3 fields where the header has 2',
      '7 rejected 1 fields where the header has 2 (set acceptShortRows if only its last ones are missing)',
    ]);
  });

  it('counts rows of delimiters or blanks, and a last Ctrl-Z, as blank lines', async () => {
    const rows = ['u_code;u_text', ';', '1;a', '  ;\t', '   ', '', '2;b', ';;;', '\x1a'];
    const summary = await run('blank.csv', rows.join('\r\n'));
    expect(summary).toMatchObject({ lines: { rows: 2, blank: 5 }, counts: { inserted: 2, rejected: 0 } });
    const short = await run('ctrl-z.csv', 'u_code;u_text\r\n3;c\x1a');
    expect(short.lines).toEqual({ rows: 1, blank: 0 });
    expect(staged('u_code', 'u_text')).toEqual(expect.arrayContaining([['3', 'c']]));
  });

  it.each([
    ['csv', 'u_code;u_text\r\n1;a\r\n2;b\x1a\x1a\r\n\x1a\r\n'],
    ['jsonl', '{"u_code":"1","u_text":"a"}\n{"u_code":"2","u_text":"b"}\x1a\n'],
  ])('may end with a Ctrl-Z before the last line break: %s', async (format, body) => {
    const summary = await run(`last-line.${format}`, body);
    expect(summary).toMatchObject({ lines: { rows: 2 }, counts: { inserted: 2, rejected: 0 } });
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
  });

  it('keeps a Ctrl-Z in its middle', async () => {
    await run('middle.csv', 'u_code;u_text\n1;a\x1a\n2;b\n');
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'a\x1a'],
      ['2', 'b'],
    ]);
  });

  it('counts rows with nothing in them as blank lines, quoted, of white space or of ignored columns', async () => {
    const rows = [
      '"u_code";"u_text";"Note"',
      '"";"";""',
      '\u00A0;\u3000;\uFEFF',
      '\f',
      '\v',
      '1;a;',
      '"";"";"x"',
    ];
    const settings = { ignoredColumns: ['Note'], constants: { u_when: '2026-01-01' } };
    const csv = await run('nothing.csv', rows.join('\r\n'), settings);
    expect(csv).toMatchObject({
      lines: { rows: 1, blank: 5 },
      counts: { inserted: 1, skipped: 0, rejected: 0 },
    });
    const latin = await run('latin.csv', Buffer.from('u_code;u_text\n\xA0;\n2;b\n', 'latin1'), {
      encoding: 'windows-1252',
    });
    expect(latin.lines).toEqual({ rows: 1, blank: 1 });
    const dos = await run('dos.csv', Buffer.from('u_code;u_text\n\xA0;\n3;b\n', 'latin1'), {
      encoding: 'ibm866',
    });
    expect(dos.lines).toEqual({ rows: 2, blank: 0 });
    const lines = [
      '{}',
      '\f',
      '\u00A0',
      '{"Note":"x"}',
      '{"u_code":null,"u_text":""}',
      '{"u_code":" \u00A0"}',
      '{"u_code":"4"}',
    ];
    const json = await run('nothing.jsonl', lines.join('\n'), settings);
    expect(json).toMatchObject({ lines: { rows: 1, blank: 6 }, counts: { inserted: 1, skipped: 0 } });
    expect(staged('u_code').flat().toSorted()).toEqual(['1', '2', '3', '4', '\u0430']);
  });

  it('may have blanks around quoted values, and keeps quotes that are text', async () => {
    const rows = ['u_code, "u_text"', '1, "a, b" ', '2,  "so-called" customer', '3, "', '4,\t"x"'];
    await run('blanks.csv', rows.join('\n'));
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'a, b'],
      ['2', '  "so-called" customer'],
      ['3', ' "'],
      ['4', 'x'],
    ]);
  });

  it('has a header line in its middle rejected by name, however it is written', async () => {
    const rows = [
      'u_code,u_text',
      '1,a',
      'u_code,u_text',
      '"u_code", "u_text"',
      '\uFEFFu_code,u_text',
      'U_Code,U_TEXT',
      '2,u_text',
    ];
    const summary = await run('twice.csv', rows.join('\n'));
    expect(await problems(summary.results)).toEqual(
      [3, 4, 5, 6].map((n) => `${n} rejected repeats the header line`),
    );
    expect(staged('u_code')).toEqual([['1'], ['2']]);
  });
});

describe('a file of another kind than its name says', () => {
  it.each([
    ['gzip.csv', gzipSync('u_code\n1\n'), 'file: is compressed with gzip; let its name end in .gz'],
    ['twice.csv.gz', gzipSync(gzipSync('u_code\n1\n')), 'file: is compressed twice'],
    ['cut.csv.gz', gzipSync('u_code\n1\n').subarray(0, 20), 'file: is damaged'],
    ['garbage.csv.gz', Buffer.concat([gzipSync('u_code\n1\n'), Buffer.from('garbage')]), 'file: is damaged'],
    [
      'book.csv',
      Buffer.from('PK\x03\x04......xl/workbook.xml', 'latin1'),
      'file: is an Excel workbook (.xlsx)',
    ],
    ['plain.csv.gz', Buffer.from('u_code\n1\n'), 'file: is not compressed with gzip'],
    [
      'zip.csv.gz',
      Buffer.from('PK\x03\x04....people.csv', 'latin1'),
      'its name ends in .gz: it is a zip archive',
    ],
    ['page.csv', Buffer.from('\uFEFF<html>', 'utf16le'), 'file: is an HTML or XML document'],
    ['array.jsonl', Buffer.from('\uFEFF[\r\n{"u_code":"1"}]', 'utf16le'), 'file: is a JSON array'],
  ])('is refused with what it is: %s', async (name, body, reason) => {
    const summary = await run(name, body);
    expect(summary.status).toBe('refused');
    expect(summary.reason).toContain(reason);
  });
});

describe('text in another encoding than UTF-8', () => {
  const text = 'u_code;u_text\n1;Müller\n2;plain\n';

  it.each([
    ['le', Buffer.from(text, 'utf16le')],
    ['be', Buffer.from(text, 'utf16le').swap16()],
  ])('is read when it is UTF-16 %s without a mark', async (_, bytes) => {
    await run('utf16.csv', bytes);
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'Müller'],
      ['2', 'plain'],
    ]);
  });

  it('names the encoding to set where it looks like Windows-1252, in rows and in the header', async () => {
    const advice = 'set encoding to windows-1252 in _import.json';
    const summary = await run('latin.csv', Buffer.from(text, 'latin1'));
    expect((await problems(summary.results))[0]).toContain(advice);
    expect(staged('u_code')).toEqual([['2']]);
    const header = await run('header.csv', Buffer.from('u_code;Größe\n1;x', 'latin1'));
    expect(header.reason).toContain(advice);
    // Where the front of the file is plain ASCII, the row itself says it.
    const late = Buffer.concat([
      Buffer.from(`u_code,u_text\n${'2,plain\n'.repeat(9_000)}`),
      Buffer.from('3,caf\xe9\n', 'latin1'),
    ]);
    expect((await problems((await run('late.csv', late, { rowsPerRequest: 5_000 })).results))[0]).toContain(
      advice,
    );
    const lines = await run('latin.jsonl', Buffer.from('{"u_code":"Müller"}\n', 'latin1'));
    expect((await problems(lines.results))[0]).toContain(advice);
  });
});

it('names the encoding of the settings where its header is not in it', async () => {
  const summary = await run('utf8.csv', 'u_code;u_text\n1;ä\n', { encoding: 'utf-16le' });
  expect(summary.reason).toContain('header: column 1 is not valid utf-16le');
});

describe('a name with characters that cannot be seen', () => {
  it.each([
    ['a no-break space', 'Free\u00A0text'],
    ['a zero width space', 'Free\u200B text'],
    ['a byte order mark', '\uFEFFFree text'],
    ['a soft hyphen and two blanks', 'Fr\u00ADee  text'],
  ])('goes where its visible text goes: %s', async (_, name) => {
    await run('a.csv', `u_code,${name}\n1,csv\n`);
    await run('b.jsonl', `${JSON.stringify({ u_code: '2', [name]: 'jsonl' })}\n`);
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'csv'],
      ['2', 'jsonl'],
    ]);
  });

  it('goes where it is mapped to, although it is still among the ignored ones', async () => {
    const settings = { columns: { Mine: 'u_text' }, ignoredColumns: ['Mine', 'Other'] };
    await run('both.csv', 'u_code,Mine,Other\n1,kept,left\n', settings);
    await run('both.jsonl', '{"u_code":"2","Mine":"kept","Other":"left"}\n', settings);
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'kept'],
      ['2', 'kept'],
    ]);
  });

  it('is matched with the settings, and ignored, by its visible text', async () => {
    const settings = { columns: { 'My code': 'u_code' }, ignoredColumns: ['LEFT OUT'] };
    await run('c.csv', 'My\u00A0code,Left\u200B out\n1,x\n', settings);
    await run('c.jsonl', '{"my\u00A0CODE":"2","left out":"x"}\n', settings);
    expect(staged('u_code')).toEqual([['1'], ['2']]);
  });

  it('is spelt out in what is said of it', async () => {
    const csv = await run('d.csv', 'u_code,No\u00A0column\n1,x\n');
    expect(csv.reason).toContain('no staging column for "NoU+00A0column"');
    const lines = await run('d.jsonl', '{"u_code":"1","No\u200Bcolumn":"x"}\n');
    expect(await problems(lines.results)).toEqual([
      expect.stringContaining('NoU+200Bcolumn: no such column'),
    ]);
  });
});

describe('JSON Lines', () => {
  it('goes by names and labels in any case, as CSV does', async () => {
    await run('case.jsonl', '{"CODE":"1","free TEXT":"a"}\n{"U_Code":"2","Text":"b"}\n');
    expect(staged('u_code', 'u_text')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
  });

  it('rejects a name that is given twice, and numbers that no column holds', async () => {
    const rows = [
      '{"u_code":"1","u_code":"2"}',
      '{"u_code":12345678901234567890}',
      '{"u_code":1e400}',
      '{"u_code":0.10}',
      '{"u_code":1234567.12345678901234}',
      '{"u_code":-5}',
    ];
    const summary = await run('numbers.jsonl', rows.join('\n'));
    expect(await problems(summary.results)).toEqual([
      '1 rejected u_code: is given twice',
      '3 rejected u_code: an exponent beyond what a column holds; write it as text',
    ]);
    expect(staged('u_code')).toEqual([
      ['-5'],
      ['0.10'],
      ['1234567.12345678901234'],
      ['12345678901234567890'],
    ]);
  });

  it('sends numbers with the digits of the file, and an exponent written out', async () => {
    const numbers = [
      '1.0',
      '-0',
      '1.50',
      '1e2',
      '-1.5E3',
      '1.5e-7',
      '12.345678901234567890e1',
      '0.0012e2',
      '7',
    ];
    const rows = numbers.map((one, i) => `{"u_code":"${i}","u_text":${one},"Note":{"u_text":1e0}}`);
    const beyond = ['1e50', '1e-400', '1e400'].map((one) => `{"u_code":"x","u_text":${one}}`);
    const summary = await run('n.jsonl', [...rows, ...beyond].join('\n'), { ignoredColumns: ['Note'] });
    expect(staged('u_code', 'u_text').map(([, text]) => text)).toEqual([
      '1.0',
      '-0',
      '1.50',
      '100',
      '-1500',
      '0.00000015',
      '123.45678901234567890',
      '0.12',
      '7',
    ]);
    expect(await problems(summary.results)).toEqual([
      '10 rejected u_text: an exponent beyond what a column holds; write it as text',
      '11 rejected u_text: an exponent beyond what a column holds; write it as text',
      '12 rejected u_text: an exponent beyond what a column holds; write it as text',
    ]);
  });

  it('says where a line is no JSON, and rejects half of a character', async () => {
    const rows = ['{"u_code":"1"},x', '{"u_code":x}', '{"u_code":"1"', '{"u_code":"\\ud83d"}'];
    const summary = await run('broken.jsonl', rows.join('\n'));
    expect(await problems(summary.results)).toEqual([
      '1 rejected not JSON: text behind its end at column 15',
      '2 rejected not JSON: invalid symbol at column 11',
      '3 rejected not JSON: close brace expected at column 14',
      '4 rejected u_code: half of a character (a surrogate alone)',
    ]);
    expect(staged('u_code')).toEqual([]);
  });

  it('rejects a line that nests too deep, and keeps the rows around it', async () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const rows = [
      `{"u_code":"1","Note":${deep(99)}}`,
      `{"u_code":"2","Note":${deep(100)}}`,
      `{"u_code":3.10,"Note":${deep(50_000)}}`,
      '{"u_code":'.repeat(50_000),
      `/*"*/${'['.repeat(50_000)}"`,
      '{"u_code":"6"}',
    ];
    const summary = await run('deep.jsonl', rows.join('\n'), { ignoredColumns: ['Note'] });
    expect(summary.status).toBe('completed');
    expect(await problems(summary.results)).toEqual([
      '2 rejected is nested more than 100 levels deep',
      '3 rejected is nested more than 100 levels deep',
      '4 rejected is nested more than 100 levels deep',
      '5 rejected not JSON',
    ]);
    expect(staged('u_code')).toEqual([['1'], ['6']]);
  });

  it('reads the dates of a column by whatever name a row calls it', async () => {
    const when = { format: 'dd.MM.yyyy HH:mm', zone: 'Asia/Tokyo' };
    const names = ['Datum', 'u_when', 'When', 'WHEN'];
    const rows = names.map((name, i) => JSON.stringify({ u_code: `${i}`, [name]: '24.12.2026 10:00' }));
    const settings = { columns: { Datum: 'u_when' }, dateColumns: { Datum: when } };
    await run('dates.jsonl', rows.join('\n'), settings);
    expect(staged('u_when')).toEqual(names.map(() => ['2026-12-24 01:00:00']));
    const nowhere = await run('nowhere.jsonl', rows.join('\n'), { dateColumns: { Wehn: when } });
    expect(nowhere).toMatchObject({ status: 'refused' });
    expect(nowhere.reason).toContain('_import.json.dateColumns: no staging column for "Wehn"');
  });

  it('counts lines of blanks as blank, and takes a byte order mark in its middle', async () => {
    const summary = await run('blank.jsonl', '{"u_code":"1"}\n   \n\t\r\n\uFEFF{"u_code":"2"}\n\x1a');
    expect(summary).toMatchObject({ lines: { rows: 2, blank: 2 }, counts: { inserted: 2 } });
  });
});

describe('constants and the row key', () => {
  it.each([
    ['constants', { constants: { u_text: 'fixed' } }, '"u_text"', 'gets another value from the constants'],
    ['keyColumn', { keyColumn: 'u_text' }, '"u_text"', 'is the keyColumn'],
  ])('never replace a value of the file: %s', async (_, settings, column, reason) => {
    const csv = await run('own.csv', 'u_code,u_text\n1,own\n', settings);
    expect(csv.status).toBe('refused');
    expect(csv.reason).toContain(`column ${column} of the file goes to u_text, too`);
    const rows = ['{"u_code":"1","u_text":"own"}', '{"u_code":"2"}', '{"u_code":"3","u_text":"fixed"}'];
    const lines = await run('own.jsonl', rows.join('\n'), settings);
    expect((await problems(lines.results))[0]).toContain(reason);
    expect(staged('u_code')).toContainEqual(['2']);
    expect(staged('u_code')).not.toContainEqual(['1']);
  });
});

describe('a value that is longer than its column', () => {
  it.each([
    ['csv', (value: string) => `u_code\n${value}`],
    ['jsonl', (value: string) => JSON.stringify({ u_code: value })],
  ])('is counted as the instance counts it, in UTF-16 units: .%s', async (format, fileOf) => {
    const fits = await run(`fits.${format}`, fileOf('\u{1F600}'.repeat(20)));
    expect(fits.counts).toMatchObject({ inserted: 1 });
    const long = await run(`long.${format}`, fileOf('\u{1F600}'.repeat(21)));
    expect(await problems(long.results)).toEqual([expect.stringContaining('42 characters, u_code takes 40')]);
    expect(staged('u_code')).toEqual([['\u{1F600}'.repeat(20)]]);
  });
});

describe('dates', () => {
  it.each(['csv', 'jsonl'])('without a time are sent as dates, whatever the zone: .%s', async (format) => {
    const settings = { dateColumns: { u_when: { format: 'dd.MM.yyyy', zone: 'Pacific/Auckland' } } };
    const body = format === 'csv' ? 'u_code,u_when\n1,24.12.2026' : '{"u_code":"1","u_when":"24.12.2026"}';
    await run(`date.${format}`, body, settings);
    expect(staged('u_when')).toEqual([['2026-12-24']]);
  });
});

describe('_import.json', () => {
  it('may have comments and trailing commas', async () => {
    const settings = '{\n  // names of the export\n  "columns": { "Nr": "u_code", }, /* more */\n}';
    expect(await run('a.csv', 'Nr\n1\n', settings)).toMatchObject({ counts: { inserted: 1 } });
  });

  it('names line and column of what is no JSON, and names that are given twice', async () => {
    const broken = await run('b.csv', 'u_code\n1\n', '{\n  "ordered": yes\n}');
    expect(broken.reason).toContain('is not JSON');
    expect(broken.reason).toContain('line 2, column 14');
    const twice = await run('c.csv', 'u_code\n1\n', '{"ordered":true,\n"ordered":false}');
    expect(twice.reason).toContain('_import.json.ordered: is given twice at line 2, column 1');
  });

  it.each([
    `{"columns":${'['.repeat(50_000)}`,
    `/*"*/ {"columns":${'{"a":'.repeat(50_000)} // "`,
    `{"columns":${'{"a":'.repeat(101)}1${'}'.repeat(101)}}`,
  ])('is refused where it nests too deep: %.20s', async (text) => {
    const summary = await run('a.csv', 'u_code\n1\n', text);
    expect(summary).toMatchObject({
      status: 'refused',
      reason: '_import.json: is nested more than 100 levels deep',
    });
  });

  it('is refused with a hint where its strings have single quotes, as rows are', async () => {
    const hint = /double quotes, not single ones/;
    expect((await run('a.csv', 'u_code\n1\n', "{'ordered': true}")).reason).toMatch(hint);
    expect((await run('a.csv', 'u_code\n1\n', '{"ordered": it\'s}')).reason).not.toMatch(hint);
    const lines = await run('a.jsonl', "{'u_code':'1'}\n");
    expect((await problems(lines.results))[0]).toMatch(hint);
  });

  it('is refused with a date format that reads nothing', async () => {
    const settings = { dateColumns: { u_when: { format: 'X' } } };
    const summary = await run('d.csv', 'u_code,u_when\n1,1700000000\n', settings);
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain('dateColumns.u_when.format: has X');
  });
});

describe('the results', () => {
  it('carry what a person knows a row by, and its import set', async () => {
    const rowsOf = async (summary: { readonly results: Readonly<Record<string, string>> }) =>
      (await world.read(summary.results['results'] ?? ''))
        .trimEnd()
        .split('\r\n')
        .map((row) => row.split(',').slice(-2));
    const coalesced = await rowsOf(await run('a.csv', 'u_code,u_text\nk-1,x\n'));
    expect(coalesced[0]).toEqual(['row_key', 'import_set']);
    expect(coalesced[1]).toEqual(['k-1', expect.stringMatching(/^ISET\d+$/)]);
    const keyed = await rowsOf(await run('b.csv', 'u_code,u_text\nk-2,x\n', { keyColumn: 'u_key' }));
    expect(keyed[1]?.[0]).toMatch(/^[0-9a-f]{12}:2$/);
    const single = await rowsOf(await run('c.csv', 'u_code,u_text\nk-3,x\n', { mode: 'rows' }));
    expect(single[1]).toEqual(['k-3', expect.stringMatching(/^ISET\d+$/)]);
  });

  it.each(['csv', 'jsonl'])('give rows that were not sent back as they are: .%s', async (format) => {
    const header = format === 'csv' ? ['"u_code",u_text'] : [];
    const bad = Array.from({ length: 9 }, (_, i) => (format === 'csv' ? `bad-${i},a,b` : '[]'));
    const good = Array.from({ length: 51 }, (_, i) =>
      format === 'csv' ? `"c-${i}","é, ${i}"` : `{"u_code":"c-${i}"}`,
    );
    const rows = [...bad, ...good];
    const settings = { maxErrors: 8, rowsPerRequest: 2, concurrency: 1 };
    const stopped = await run(`stops.${format}`, [...header, ...rows, ''].join('\n'), settings);
    expect(stopped.status).toBe('stopped');
    expect(stopped.counts.notSent).toBeGreaterThan(30);
    const unsent = await world.read(stopped.results['unsent'] ?? '');
    const left = rows.slice(60 - stopped.counts.notSent);
    expect(unsent.trimEnd().split(/\r?\n/)).toEqual([...header, ...left]);
    const again = await run(`again.${format}`, unsent, settings);
    expect(again).toMatchObject({ status: 'completed', counts: { inserted: left.length } });
    expect(new Set(staged('u_code').map(([code]) => code)).size).toBe(51);
  });

  it('say how the file was read and where its columns went', async () => {
    const settings = { ignoredColumns: ['note'] };
    const summary = await run('a.csv', 'u_code;Free text;note\n1;x;y\n', settings);
    const columns = [
      { header: 'u_code', column: 'u_code' },
      { header: 'Free text', column: 'u_text' },
      { header: 'note' },
    ];
    expect(summary.file).toEqual({ encoding: 'utf-8', delimiter: ';', columns });
    expect(summary.targetTables).toEqual(['u_item']);
    const refused = await run('b.csv', 'u_code,nope\n1,x\n');
    expect(refused.file?.stagingColumns).toContainEqual({ name: 'u_text', label: 'Free text' });
    const page = await world.read(refused.results['report'] ?? '');
    expect(page).toContain('// &quot;nope&quot;: &quot;…&quot;,');
  });
});
