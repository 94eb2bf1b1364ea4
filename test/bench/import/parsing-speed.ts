import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { ChunkReader } from '../../../lib/file-import/encode/chunk-reader.ts';
import { CsvRowWriter } from '../../../lib/file-import/encode/csv-row-writer.ts';
import { CsvTokenizer } from '../../../lib/file-import/read/csv-tokenizer.ts';
import { ByteWindow } from '../../../lib/file-import/read/record-tokenizer.ts';
import { median, type Row, ratioRow } from '../report.ts';
import { filePieces, header, plainLine, quotedLine } from './files.ts';

const rows = 300_000;
const rounds = 5;

/** Bytes to request bodies against csv-parse alone, which only makes arrays of strings of them. */
export async function parsingSpeed(): Promise<Row[]> {
  return [await compare('plain', plainLine), await compare('heavily quoted', quotedLine)];
}

async function compare(kind: string, line: (i: number) => string): Promise<Row> {
  const pieces: Uint8Array[] = [];
  for await (const piece of filePieces(rows, line)) pieces.push(piece);
  const megabytes = pieces.reduce((sum, piece) => sum + piece.length, 0) / 1e6;
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    ours.push(await megabytesPerSecond(megabytes, () => buildBodies(pieces)));
    theirs.push(await megabytesPerSecond(megabytes, () => parseOnly(pieces)));
  }
  return ratioRow(`bytes to bodies, ${kind}`, 'MB/s', {
    measured: median(ours.slice(1)),
    baseline: median(theirs.slice(1)),
    minRatio: 0.8,
  });
}

async function megabytesPerSecond(megabytes: number, work: () => Promise<number>): Promise<number> {
  const startMs = performance.now();
  const count = await work();
  if (count !== rows) throw new Error(`${count} rows came out instead of ${rows}`);
  return (megabytes * 1000) / (performance.now() - startMs);
}

async function* stream(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function buildBodies(pieces: readonly Uint8Array[]): Promise<number> {
  const names = header.split(',');
  const targets = names.map((name) => ({ column: name, jsonKey: name, maxLength: 100 }));
  const tokenizer = new CsvTokenizer(new ByteWindow(), {
    delimiter: ',',
    encoding: { name: 'utf-8', bomBytes: 0, way: 'utf-8' },
  });
  const writer = new CsvRowWriter(
    { header: names, targets, constants: [], emptyAsAbsent: false },
    { encoding: 'utf-8' },
  );
  const limits = { rows: 200, bytes: 5_000_000, rejectedBytes: 1_000_000 };
  const reader = new ChunkReader(stream(pieces), tokenizer, (out) => writer.write(tokenizer, out), limits);
  // The header comes first, and is rejected as a repeated one.
  let count = 0;
  while (!reader.ended) count += (await reader.next())?.rows ?? 0;
  return count;
}

async function parseOnly(pieces: readonly Uint8Array[]): Promise<number> {
  let count = -1;
  for await (const _ of Readable.from(stream(pieces)).pipe(parse())) count++;
  return count;
}
