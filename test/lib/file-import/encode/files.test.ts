import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineList, rowsOf } from '../../../../lib/file-import/encode/chunk.ts';
import { openRows } from '../../../../lib/file-import/encode/chunk-reader.ts';
import type { ImportPlan, Position } from '../../../../lib/file-import/plan/import-plan.ts';
import { defaultSettings } from '../../../../lib/file-import/plan/settings.ts';
import { inspectFile } from '../../../../lib/file-import/read/inspect-file.ts';
import type { Drop } from '../../../../lib/file-import/schedule/import-request.ts';
import { importRequest } from '../import-request.ts';

const seed = Number(process.env['SEED'] ?? 20_261_124);
const everyUnit = fc.constantFrom(...'abcé€ß"",;\t|\n\r\\ 1ア漢'.split(''), '\r\n', '\u{1F600}', '\u0001');
const latinUnit = fc.constantFrom(...'abcéüß"",;\t|\n\r\\ 1'.split(''));
/** Second bytes of these are `|`, `\`, `^` and letters. */
const kanjiUnit = fc.constantFrom(...'abc"",;\t|\n\\1ポ芋|ソ能表十ア'.split(''));

type Text = {
  readonly encode: (text: string) => Buffer;
  readonly unit: fc.Arbitrary<string>;
  /** The setting, where the file itself does not show its encoding. */
  readonly encoding?: string;
};

const texts: Readonly<Record<string, Text>> = {
  'UTF-8': { encode: (text) => Buffer.from(text), unit: everyUnit },
  'UTF-8 with its mark': { encode: (text) => Buffer.from(`\uFEFF${text}`), unit: everyUnit },
  'UTF-16 LE with its mark': { encode: (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'), unit: everyUnit },
  'UTF-16 BE by name': {
    encode: (text) => Buffer.from(text, 'utf16le').swap16(),
    unit: everyUnit,
    encoding: 'utf-16be',
  },
  'windows-1252': { encode: (text) => Buffer.from(text, 'latin1'), unit: latinUnit, encoding: 'latin1' },
  Shift_JIS: { encode: (text) => encodeLike('shift_jis', text), unit: kanjiUnit, encoding: 'shift_jis' },
  GB18030: { encode: (text) => encodeLike('gb18030', text), unit: kanjiUnit, encoding: 'gb18030' },
};

const tables = new Map<string, ReadonlyMap<string, Buffer>>();

/** By the decoder's own table of one- and two-byte characters, turned around. */
function encodeLike(encoding: string, text: string): Buffer {
  const table = tables.get(encoding) ?? turnAround(encoding);
  tables.set(encoding, table);
  return Buffer.concat([...text].map((one) => table.get(one) ?? Buffer.from('?')));
}

function turnAround(encoding: string): Map<string, Buffer> {
  const decoder = new TextDecoder(encoding);
  const table = new Map<string, Buffer>();
  for (let lead = 0xfe; lead > 0x80; lead--)
    for (let second = 0xfe; second >= 0x40; second--) {
      const bytes = Buffer.from([lead, second]);
      const text = decoder.decode(bytes);
      if ([...text].length === 1 && text !== '\uFFFD') table.set(text, bytes);
    }
  for (let byte = 0; byte < 0x80; byte++) table.set(String.fromCharCode(byte), Buffer.from([byte]));
  return table;
}

type Dialect = { readonly delimiter: string; readonly newline: string; readonly finalNewline: boolean };
type Row = { readonly line: number; readonly values: readonly string[] };

const dialects = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  newline: fc.constantFrom('\n', '\r\n', '\r'),
  finalNewline: fc.boolean(),
});

const tableOf = (unit: fc.Arbitrary<string>) =>
  fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.array(fc.array(fc.string({ unit, maxLength: 8 }), { minLength: width, maxLength: width }), {
      minLength: 1,
      maxLength: 8,
    }),
  );

/** A file with a header, and the physical line of each of its rows. */
function write(table: readonly string[][], { delimiter, newline, finalNewline }: Dialect) {
  const rows: Row[] = [];
  let text = (table[0] ?? []).map((_, i) => `"c${i}"`).join(delimiter);
  for (const values of table) {
    text += newline;
    if (!isBlank(values)) rows.push({ line: text.split(/\r\n|\n|\r/).length, values });
    text += writeRow(values, delimiter);
  }
  return { text: finalNewline ? text + newline : text, rows };
}

/** A row of blanks alone is a blank line, quoted or not. */
function isBlank(values: readonly string[]): boolean {
  return values.every((value) => /^[ \t]*$/.test(value));
}

function writeRow(values: readonly string[], delimiter: string): string {
  return values.map((value, i) => quote(value, isBlank(values) && i === 0)).join(delimiter);
}

function quote(value: string, always: boolean): string {
  return always || /[",;\t|\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

async function planOf(
  bytes: Buffer,
  pieceSize: number,
  drop: Pick<Drop, 'format' | 'gzip'>,
  text: Text,
  delimiter: string,
) {
  const object = cutInto(bytes, pieceSize);
  const settings = { ...defaultSettings, delimiter, ...(text.encoding && { encoding: text.encoding }) };
  const { content, header } = await inspectFile(object, drop, settings);
  const targets = header.map((name) => ({ column: name, jsonKey: name }));
  const request = importRequest({ size: bytes.length });
  const row = { header, targets, constants: [], emptyAsAbsent: false };
  const plan: ImportPlan = { request, startedAt: '', folder: '', settings, content, row };
  return { plan, object };
}

function cutInto(bytes: Buffer, size: number) {
  return async function* pieces(fromByte: number) {
    for (let at = fromByte; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
}

type OpenedFile = Awaited<ReturnType<typeof planOf>>;

/** The rows from a position on, and where each of them could be gone on behind. */
async function read({ plan, object }: OpenedFile, from: Position, rowsPerChunk: number) {
  const limits = { rows: rowsPerChunk, bytes: 5_000_000, rejectedBytes: 1_000_000 };
  const reader = openRows(plan, object, from, limits);
  const rows: Row[] = [];
  const ends: Position[] = [];
  while (!reader.ended) {
    const chunk = await reader.next();
    if (!chunk) continue;
    const lines = lineList(chunk.lines);
    rows.push(...rowsOf(chunk.body).map((row, i) => ({ line: lines[i] ?? 0, values: Object.values(row) })));
    ends.push(chunk.next);
  }
  expect(reader.takeRejected()).toEqual([]);
  return { rows, ends };
}

describe.each(Object.entries(texts))('a file in %s, plain or compressed', (_, text) => {
  it.each([false, true])(
    'gives back any table in any dialect and in any pieces, from behind any row (gzip %s)',
    async (gzip) => {
      await fc.assert(
        fc.asyncProperty(
          tableOf(text.unit),
          dialects,
          fc.integer({ min: 1, max: 30 }),
          async (table, dialect, size) => {
            const { text: content, rows } = write(table, dialect);
            const bytes = gzip ? gzipSync(text.encode(content)) : text.encode(content);
            const drop = { format: 'csv', gzip } as const;
            const opened = await planOf(bytes, size, drop, text, dialect.delimiter);
            const { start } = opened.plan.content;
            const whole = await read(opened, start, 1);
            expect(whole.rows).toEqual(rows);
            for (const [i, end] of whole.ends.entries())
              expect((await read(opened, end, 3)).rows).toEqual(rows.slice(i + 1));
          },
        ),
        { seed, numRuns: gzip ? 15 : 60 },
      );
    },
  );
});
