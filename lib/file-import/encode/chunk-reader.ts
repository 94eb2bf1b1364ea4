import type { ImportPlan, Position } from '../plan/import-plan.ts';
import { type ObjectBytes, readContent } from '../read/content.ts';
import { CsvTokenizer } from '../read/csv-tokenizer.ts';
import { ByteWindow, LineTokenizer, type RecordTokenizer } from '../read/record-tokenizer.ts';
import { SourceBytes } from '../read/transcode.ts';
import { addLine, type Chunk, type RejectedRow } from './chunk.ts';
import { CsvRowWriter } from './csv-row-writer.ts';
import { JsonRowWriter } from './json-row-writer.ts';
import { blankRow, JsonBuffer } from './json-values.ts';

const COMMA = 44;
const opening = Buffer.from('{"records":[');
const closing = Buffer.from(']}');

export type ChunkLimits = {
  readonly rows: number;
  readonly bytes: number;
  /** Rejected rows that are held at most, in bytes, before `next` comes back without a full chunk. */
  readonly rejectedBytes: number;
};

/** Something that turns the record taken last into JSON, or says why it cannot. */
export type RowWriter = (out: JsonBuffer) => string | typeof blankRow | undefined;

/** Reads a file's rows into request bodies, one chunk at a time; what cannot be sent gathers in `rejected`. */
export class ChunkReader {
  /** True once nothing is left to read. */
  ended = false;
  #blankLines = 0;
  #rejected: RejectedRow[] = [];
  #rejectedBytes = 0;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #tokenizer: RecordTokenizer;
  readonly #write: RowWriter;
  readonly #limits: ChunkLimits;
  readonly #out = new JsonBuffer();
  #coming: Promise<IteratorResult<Uint8Array>> | undefined;
  #lines: number[] = [];
  #rows = 0;

  constructor(
    pieces: AsyncIterator<Uint8Array>,
    tokenizer: RecordTokenizer,
    write: RowWriter,
    limits: ChunkLimits,
  ) {
    this.#pieces = pieces;
    this.#tokenizer = tokenizer;
    this.#write = write;
    this.#limits = limits;
    this.#out.raw(opening);
  }

  get position(): Position {
    return this.#window.position;
  }

  get #window(): ByteWindow {
    return this.#tokenizer.window;
  }

  get rejectedCount(): number {
    return this.#rejected.length;
  }

  /** The rows rejected since the last call. */
  takeRejected(): RejectedRow[] {
    const taken = this.#rejected;
    this.#rejected = [];
    this.#rejectedBytes = 0;
    return taken;
  }

  /** Empty lines since the last call. */
  takeBlankLines(): number {
    const taken = this.#blankLines;
    this.#blankLines = 0;
    return taken;
  }

  /** The next chunk; undefined when there is none, at the end or because too much is held in `rejected`. */
  async next(): Promise<Chunk | undefined> {
    for (;;) {
      const taken = this.#tokenizer.next();
      if (taken === 'more') await this.#feed();
      else if (taken === 'blank') this.#blankLines++;
      else if (taken === 'end') return this.#end();
      else {
        const chunk = this.#addRow();
        if (chunk) return chunk;
        const isFull = this.#rejectedBytes >= this.#limits.rejectedBytes;
        if (isFull && !this.#tokenizer.isInsideLine) return this.#cut(this.position);
      }
    }
  }

  /** The rows that were read towards the next chunk; for a file that cannot be read on. */
  takeRest(): Chunk | undefined {
    return this.#cut(this.position);
  }

  /** Asks for the next piece of the file already. */
  fetch(): void {
    this.#coming ??= this.#pieces.next();
    // Awaited once it is needed; until then a failure must not count as unhandled.
    this.#coming.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #feed(): Promise<void> {
    const coming = this.#coming ?? this.#pieces.next();
    this.#coming = undefined;
    const { done, value } = await coming;
    this.#window.push(done ? new Uint8Array(0) : value, done === true);
  }

  #end(): Chunk | undefined {
    this.ended = true;
    return this.#cut(this.position);
  }

  /** Adds the record taken last; a full chunk when it is the last that fits, or the first that does not. */
  #addRow(): Chunk | undefined {
    const before = this.#out.length;
    if (this.#rows > 0) this.#out.byte(COMMA);
    const rowStart = this.#out.length;
    const reason = this.#write(this.#out) ?? this.#tooLarge(rowStart);
    if (reason !== undefined) {
      this.#out.length = before;
      if (reason === blankRow) this.#blankLines++;
      else this.#reject(reason);
      return undefined;
    }
    if (this.#out.length + closing.length > this.#limits.bytes) return this.#carryOver(before, rowStart);
    this.#count();
    return this.#rows >= this.#limits.rows ? this.#cut(this.position) : undefined;
  }

  #tooLarge(rowStart: number): string | undefined {
    const alone = this.#out.length - rowStart + opening.length + closing.length;
    return alone > this.#limits.bytes ? `${alone} bytes as JSON, more than one request takes` : undefined;
  }

  #carryOver(before: number, rowStart: number): Chunk | undefined {
    const row = this.#out.bytes.slice(rowStart, this.#out.length);
    this.#out.length = before;
    const chunk = this.#cut({ byte: this.#window.startByte, line: this.#window.startLine });
    this.#out.raw(row);
    this.#count();
    return chunk;
  }

  #count(): void {
    this.#rows++;
    addLine(this.#lines, this.#window.startLine);
  }

  #reject(reason: string): void {
    const { window } = this.#tokenizer;
    const raw = Buffer.from(window.bytes.subarray(window.start, window.contentEnd));
    this.#rejected.push({ line: window.startLine, reason, raw });
    this.#rejectedBytes += raw.length + 100;
  }

  #cut(next: Position): Chunk | undefined {
    if (this.#rows === 0) return undefined;
    this.#out.raw(closing);
    const chunk = { body: this.#out.snapshot(), rows: this.#rows, lines: this.#lines, next };
    this.#out.length = 0;
    this.#out.raw(opening);
    this.#rows = 0;
    this.#lines = [];
    return chunk;
  }
}

/** Opens a planned file at a position between two records. */
export function openRows(
  plan: ImportPlan,
  object: ObjectBytes,
  from: Position,
  limits: ChunkLimits,
): ChunkReader {
  const { content } = plan;
  const isTranscoded = content.encoding.way === 'transcode';
  const source = isTranscoded ? new SourceBytes() : undefined;
  const pieces = readContent(object, { ...content, isPassing: true }, from.byte, source);
  const { name: encoding } = content.encoding;
  const text = { encoding, likelyEncoding: content.likelyEncoding, ...(source ? { source } : {}) };
  if (content.format === 'jsonl') {
    const lines = new LineTokenizer(new ByteWindow(from));
    const writer = new JsonRowWriter(plan.row, text);
    return new ChunkReader(pieces, lines, (out) => writer.write(lines, out), limits);
  }
  const records = new CsvTokenizer(new ByteWindow(from), content);
  const writer = new CsvRowWriter(plan.row, text, plan.content.start.line);
  return new ChunkReader(pieces, records, (out) => writer.write(records, out), limits);
}
