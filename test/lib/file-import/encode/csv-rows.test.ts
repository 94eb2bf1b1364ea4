import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chunk, lineList, type RejectedRow } from '../../../../lib/file-import/encode/chunk.ts';
import { ChunkReader } from '../../../../lib/file-import/encode/chunk-reader.ts';
import { CsvRowWriter } from '../../../../lib/file-import/encode/csv-row-writer.ts';
import type { Position, RowPlan } from '../../../../lib/file-import/plan/import-plan.ts';
import { CsvTokenizer } from '../../../../lib/file-import/read/csv-tokenizer.ts';
import { ByteWindow } from '../../../../lib/file-import/read/record-tokenizer.ts';

const seed = Number(process.env.SEED ?? 20_261_124);

type Dialect = { delimiter: string; newline: string; encoding: BufferEncoding; finalNewline: boolean };
type Row = { line: number; values: string[] };

function planFor(columns: number): RowPlan {
  const header = Array.from({ length: columns }, (_, i) => `c${i}`);
  const targets = header.map((name) => ({ column: name, jsonKey: name }));
  return { header, targets, constants: [], emptyAsAbsent: false };
}

const commas = { delimiter: ',', encoding: { name: 'utf-8', bomBytes: 0, way: 'utf-8' } } as const;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function read(
  bytes: Uint8Array,
  columns: number,
  options: { dialect?: Partial<Dialect>; pieceSize?: number; from?: Position; rowsPerChunk?: number } = {},
): Promise<{ rows: Row[]; rejected: RejectedRow[]; chunks: Chunk[] }> {
  const from = options.from ?? { byte: 0, line: 1 };
  const isLatin1 = options.dialect?.encoding === 'latin1';
  const encoding = isLatin1 ? 'windows-1252' : 'utf-8';
  const tokenizer = new CsvTokenizer(new ByteWindow(from), {
    delimiter: options.dialect?.delimiter ?? ',',
    encoding: isLatin1 ? { name: encoding, bomBytes: 0, way: 'ascii-superset' } : commas.encoding,
  });
  const writer = new CsvRowWriter(planFor(columns), { encoding });
  const limits = { rows: options.rowsPerChunk ?? 3, bytes: 5_000_000, rejectedBytes: 1_000_000 };
  const source = pieces(bytes.subarray(from.byte), options.pieceSize ?? 1 << 16);
  const reader = new ChunkReader(source, tokenizer, (out) => writer.write(tokenizer, out), limits);
  const chunks: Chunk[] = [];
  while (!reader.ended) {
    const chunk = await reader.next();
    if (chunk) chunks.push(chunk);
  }
  return { rows: chunks.flatMap(rowsOf), rejected: reader.takeRejected(), chunks };
}

function rowsOf(chunk: Chunk): Row[] {
  const body: { records: Record<string, string>[] } = JSON.parse(Buffer.from(chunk.body).toString('utf8'));
  const lines = lineList(chunk.lines);
  return body.records.map((record, i) => ({ line: lines[i] ?? -1, values: Object.values(record) }));
}

const needsQuotes = /[",;\t|\r\n]/;

/** Writes a table, and says on which physical line each row begins. */
function write(table: string[][], dialect: Dialect): { bytes: Buffer; rows: Row[] } {
  let text = '';
  const rows: Row[] = [];
  for (const [i, values] of table.entries()) {
    if (!isBlank(values)) rows.push({ line: text.split(/\r\n|\n|\r/).length, values });
    const last = i === table.length - 1;
    text += writeRow(values, dialect.delimiter);
    if (!last || dialect.finalNewline) text += dialect.newline;
  }
  return { bytes: Buffer.from(text, dialect.encoding), rows };
}

/** A row of blanks alone is a blank line, quoted or not. */
function isBlank(values: readonly string[]): boolean {
  return values.every((value) => /^[ \t]*$/.test(value));
}

function writeRow(values: readonly string[], delimiter: string): string {
  return values.map((value, i) => quote(value, isBlank(values) && i === 0)).join(delimiter);
}

function quote(value: string, always: boolean): string {
  return always || needsQuotes.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...'abc 1"",;\t|\n\r\\{}é€'.split('')) },
  { weight: 1, arbitrary: fc.constantFrom('\r\n', '\u0001', '\u{1F600}', 'ÿ') },
);
const latinCharacter = fc.constantFrom(...'abc 1"",;\t|\n\r\\éÿü'.split(''));
const tableOf = (one: fc.Arbitrary<string>) =>
  fc.integer({ min: 1, max: 5 }).chain((columns) =>
    fc.array(fc.array(fc.string({ unit: one, maxLength: 12 }), { minLength: columns, maxLength: columns }), {
      minLength: 1,
      maxLength: 12,
    }),
  );
const dialectOf = (encoding: BufferEncoding) =>
  fc.record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    newline: fc.constantFrom('\n', '\r\n', '\r'),
    encoding: fc.constant(encoding),
    finalNewline: fc.boolean(),
  });

describe('reading delimited text', () => {
  it('gives back any table in any dialect and cut into any pieces, with its physical line numbers', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableOf(character),
        dialectOf('utf8'),
        fc.integer({ min: 1, max: 40 }),
        async (table, dialect, pieceSize) => {
          const { bytes, rows } = write(table, dialect);
          const got = await read(bytes, table[0]?.length ?? 0, { dialect, pieceSize });
          expect(got.rejected).toEqual([]);
          expect(got.rows).toEqual(rows);
          expect(got.chunks.every((chunk) => chunk.rows > 0)).toBe(true);
        },
      ),
      { seed, numRuns: 600 },
    );
  });

  it('leaves out a Ctrl-Z that ends the file behind its last value, cut into any pieces', async () => {
    for (const end of ['\x1a', '\x1a\n', '\x1a\r\n\x1a', '\x1a\x1a\r\n\r\n'])
      for (let pieceSize = 1; pieceSize <= 12; pieceSize++) {
        const { rows } = await read(Buffer.from(`a\x1a,b\x1a\nc,d${end}`), 2, { pieceSize });
        expect(rows.map(({ values }) => values)).toEqual([
          ['a\x1a', 'b\x1a'],
          ['c', 'd'],
        ]);
      }
  });

  it('gives back the same table from a one-byte encoding', async () => {
    await fc.assert(
      fc.asyncProperty(tableOf(latinCharacter), dialectOf('latin1'), async (table, dialect) => {
        const { bytes, rows } = write(table, dialect);
        expect((await read(bytes, table[0]?.length ?? 0, { dialect })).rows).toEqual(rows);
      }),
      { seed, numRuns: 200 },
    );
  });

  it('gives the rest of the rows when it goes on behind any chunk', async () => {
    await fc.assert(
      fc.asyncProperty(tableOf(character), dialectOf('utf8'), async (table, dialect) => {
        const { bytes } = write(table, dialect);
        const columns = table[0]?.length ?? 0;
        const whole = await read(bytes, columns, { dialect });
        for (const [i, chunk] of whole.chunks.entries()) {
          const rest = await read(bytes, columns, { dialect, from: chunk.next });
          expect(rest.rows).toEqual(whole.chunks.slice(i + 1).flatMap(rowsOf));
        }
      }),
      { seed, numRuns: 300 },
    );
  });
});

it('takes no part of a byte order mark for text, however the file is cut into pieces', async () => {
  const bytes = Buffer.from('a,b\n\uFEFFc,d\n\uFEFF"e\nf",g\n\uFEFF');
  for (let pieceSize = 1; pieceSize < 8; pieceSize++) {
    const { rows } = await read(bytes, 2, { pieceSize });
    expect(rows.map(({ values }) => values)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e\nf', 'g'],
    ]);
  }
  const latin1 = await read(bytes, 2, { dialect: { encoding: 'latin1' } });
  expect(latin1.rows[1]?.values).toEqual(['ï»¿c', 'd']);
});

describe('a record that cannot be used', () => {
  const text = (...lines: string[]) => Buffer.from(lines.join('\n'));

  it.each([
    [
      'too few fields',
      text('a,b', 'c', 'd,e'),
      2,
      '1 fields where the header has 2 (set acceptShortRows if only its last ones are missing)',
    ],
    ['too many fields', text('a,b', 'c,d,e', 'd,e'), 2, '3 fields where the header has 2'],
    [
      'text behind a closing quote',
      text('a,b', 'c,"d"x', 'd,e'),
      2,
      'text behind the closing quote of field 2',
    ],
    ['a NUL', text('a,b', 'c,\0d', 'd,e'), 2, 'a NUL at byte 6'],
    [
      'a quote that is never closed',
      text('a,b', 'c,"d', 'd,e'),
      2,
      'the quote that opens field 2 is never closed',
    ],
  ])('is rejected with its line and reason: %s', async (_, bytes, line, reason) => {
    const got = await read(bytes, 2);
    expect(got.rejected.map(({ line, reason }) => ({ line, reason }))).toEqual([{ line, reason }]);
    expect(got.rows.map((row) => row.values)).toEqual([
      ['a', 'b'],
      ['d', 'e'],
    ]);
    expect(got.rows.map((row) => row.line)).toEqual([1, 3]);
  });

  it('names the byte that is not UTF-8 and keeps the rows around it', async () => {
    const bytes = Buffer.concat([text('a,b', 'c,x'), Buffer.from([0xc3, 0x28]), text('', 'd,e')]);
    const got = await read(bytes, 2);
    expect(got.rejected.map(({ line, reason }) => ({ line, reason }))).toEqual([
      { line: 2, reason: 'not valid UTF-8 at byte 7' },
    ]);
    expect(got.rejected[0]?.raw.at(-2)).toBe(0xc3);
    expect(got.rows).toHaveLength(2);
  });

  it('is handed on before too many of them are held, and gives no empty chunk', async () => {
    const tokenizer = new CsvTokenizer(new ByteWindow(), commas);
    const writer = new CsvRowWriter(planFor(2), { encoding: 'utf-8' });
    const bytes = text(...Array.from({ length: 50 }, (_, i) => `bad ${i}`), 'a,b');
    const limits = { rows: 9, bytes: 5_000_000, rejectedBytes: 1_000 };
    const reader = new ChunkReader(
      pieces(bytes, 64),
      tokenizer,
      (out) => writer.write(tokenizer, out),
      limits,
    );
    expect(await reader.next()).toBeUndefined();
    expect([reader.ended, reader.rejectedCount]).toEqual([false, 10]);
    expect(reader.takeRejected()).toHaveLength(10);
    expect(await reader.next()).toBeUndefined();
    expect(reader.takeRejected()[0]?.line).toBe(11);
  });

  it('is over before anybody may go on behind it', async () => {
    const bytes = text('a', `"${'x'.repeat(9 << 20)}`, 'b', 'c');
    const open = (from: Position) => {
      const tokenizer = new CsvTokenizer(new ByteWindow(from), commas);
      const writer = new CsvRowWriter(planFor(1), { encoding: 'utf-8' });
      const limits = { rows: 9, bytes: 5_000_000, rejectedBytes: 1_000 };
      return new ChunkReader(
        pieces(bytes.subarray(from.byte), 1 << 16),
        tokenizer,
        (out) => writer.write(tokenizer, out),
        limits,
      );
    };
    const first = open({ byte: 0, line: 1 });
    const chunk = await first.next();
    expect(first.takeRejected().map(({ line }) => line)).toEqual([2]);
    const rest = open(chunk?.next ?? first.position);
    const chunks = [chunk, await rest.next()].flatMap((one) => (one ? rowsOf(one) : []));
    expect(chunks.map(({ line, values }) => `${line} ${values}`)).toEqual(['1 a', '3 b', '4 c']);
    expect(rest.takeRejected()).toEqual([]);
  });

  it('names the byte that an encoding by name does not have', async () => {
    const plan = { header: ['c0', 'c1'], targets: planFor(2).targets, constants: [], emptyAsAbsent: false };
    const tokenizer = new CsvTokenizer(new ByteWindow(), commas);
    const writer = new CsvRowWriter(plan, { encoding: 'shift_jis' });
    const bytes = Buffer.from([0x61, 0x2c, 0x62, 0x0a, 0x83, 0x65, 0x2c, 0x83, 0x65, 0x85, 0x0a]);
    const limits = { rows: 9, bytes: 5_000_000, rejectedBytes: 1_000_000 };
    const reader = new ChunkReader(
      pieces(bytes, 4),
      tokenizer,
      (out) => writer.write(tokenizer, out),
      limits,
    );
    expect((await reader.next())?.rows).toBe(1);
    expect(reader.takeRejected()).toMatchObject([{ line: 2, reason: 'c1: not valid shift_jis at byte 9' }]);
  });

  it('rejects a record over 1 MiB as a whole, also when its quotes hold line breaks', async () => {
    const long = `"${'x\n'.repeat(600_000)}"`;
    const got = await read(text('a,b', `c,${long}`, 'd,e'), 2);
    expect(got.rejected.map((row) => row.line)).toEqual([2]);
    expect(got.rows.map((row) => row.line)).toEqual([1, 600_003]);
  });

  it('loses one line, not the file, to a quote left open for more than 4 MiB', async () => {
    const filler = Array.from({ length: 300_000 }, (_, i) => `row ${i},0123456789`);
    const got = await read(text('a,b', 'c,"d', filler.join('\n')), 2);
    expect(got.rejected.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      '2: the quote that opens field 2 is not closed within 4 MiB',
    ]);
    expect(got.rows).toHaveLength(300_001);
  });

  it('rejects a line without an end once and holds no more than a bound of it', async () => {
    const got = await read(text('a,b', 'x'.repeat(12 << 20), 'd,e'), 2);
    expect(got.rejected.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      '2: the record is longer than 1048576 bytes',
    ]);
    expect(got.rejected[0]?.raw.length).toBeLessThan(5 << 20);
    expect(got.rows.map((row) => row.line)).toEqual([1, 3]);
  });
});
