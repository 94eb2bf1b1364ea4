import { InvalidInputError } from '../../core/errors.ts';
import type { Chunk, LineRuns } from '../encode/chunk.ts';
import { type ChunkReader, openRows } from '../encode/chunk-reader.ts';
import { type ImportPlan, isPlain, type Position } from '../plan/import-plan.ts';
import { type ObjectBytes, readContent } from '../read/content.ts';
import { countLines } from '../read/count-lines.ts';
import { CsvTokenizer } from '../read/csv-tokenizer.ts';
import { ByteWindow, LineTokenizer, type RecordTokenizer } from '../read/record-tokenizer.ts';

/** 5 MB: half of what ServiceNow takes by default, so that a gateway in between with a smaller limit does not bite. */
const maxBodyBytes = 5_000_000;
const maxRejectedBytes = 8 << 20;

/** Finds the rows of chunks as they were sent; ask for chunks in their order. */
export type SentReader = {
  /** @returns undefined when the file no longer holds the chunk like that */
  find(sent: { readonly lines: LineRuns; readonly rows: number }): Promise<Chunk | undefined>;
  close(): Promise<void>;
};

/**
 * The file's reader, kept open from one group to the next within an invocation: a compressed file cannot be entered
 * in its middle, and a plain one need not be asked for again.
 */
export class OpenReader {
  readonly #plan: ImportPlan;
  readonly #object: ObjectBytes;
  #reader: ChunkReader | undefined;
  #prepared: { readonly group: number; readonly from: Position } | undefined;
  /** Reads what was sent, of a file that cannot be entered in its middle. */
  #sent: SentChunks | undefined;

  constructor(plan: ImportPlan, object: ObjectBytes) {
    this.#plan = plan;
    this.#object = object;
  }

  /** A reader at `from`, which fetches at once what it will read first; the open one when it stands there and `reuse` is true. */
  at(from: Position, reuse: boolean): ChunkReader {
    const isThere = this.#prepared?.from.byte === from.byte;
    // From here on the group has begun: a second attempt has to look into its ledger.
    this.#prepared = undefined;
    if (reuse && this.#reader && isThere) return this.#reader;
    // It is not awaited: it stops reading when no one asks for more.
    void this.drop();
    this.#reader = this.#open(from);
    this.#reader.fetch();
    return this.#reader;
  }

  /** The chunks from a position on, by a reader of their own: to look at what is not to be sent now. */
  async *chunksFrom(from: Position): AsyncGenerator<Chunk> {
    const reader = this.#open(from);
    try {
      while (!reader.ended) {
        const chunk = await reader.next();
        reader.takeRejected();
        if (chunk) yield chunk;
      }
    } finally {
      await reader.close();
    }
  }

  /**
   * Reads chunks that were sent once more, on demand and in their order; none where the file cannot be read any more.
   * @param from where their group begins
   */
  sentFrom(from: Position): SentReader {
    if (isPlain(this.#plan.content)) return new SentChunks(this.chunksFrom(from), from);
    const open = this.#sent;
    const sent = open && open.behind.byte <= from.byte ? open : new SentChunks(this.chunksFrom(from), from);
    this.#sent = sent;
    const forget = (error: unknown) => {
      this.#sent = undefined;
      throw error;
    };
    return { find: (chunk) => sent.find(chunk).catch(forget), close: async () => undefined };
  }

  #open(from: Position): ChunkReader {
    return openRows(this.#plan, this.#object, from, {
      rows: this.#plan.settings.rowsPerRequest,
      bytes: maxBodyBytes,
      rejectedBytes: maxRejectedBytes,
    });
  }

  /**
   * How many lines there are from a position on: more rather than fewer.
   * @returns undefined when that takes too long, or the file cannot be read to its end
   */
  async linesFrom({ byte }: Position, isLate: () => boolean): Promise<number | undefined> {
    try {
      const how = { ...this.#plan.content, isPassing: true };
      return await countLines(readContent(this.#object, how, byte), isLate);
    } catch (error) {
      if (error instanceof InvalidInputError) return undefined;
      throw error;
    }
  }

  /** Notes that the open reader stands at a group whose ledger was opened in this process and that has not begun. */
  prepare(group: number, from: Position): void {
    this.#prepared = { group, from };
  }

  isPreparedFor(group: number, from: Position): boolean {
    return this.#prepared?.group === group && this.#prepared.from.byte === from.byte;
  }

  async drop(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#prepared = undefined;
    await reader?.close();
  }
}

/** Chunks that were sent, read once more from front to back. */
class SentChunks implements SentReader {
  readonly #chunks: AsyncGenerator<Chunk>;
  /** Read, and not asked for yet. */
  #held: Chunk | undefined;
  /** Where the file goes on behind what was found. */
  behind: Position;

  constructor(chunks: AsyncGenerator<Chunk>, from: Position) {
    this.#chunks = chunks;
    this.behind = from;
  }

  async find({ lines: [wanted = 0], rows }: Parameters<SentReader['find']>[0]): Promise<Chunk | undefined> {
    for (;;) {
      this.#held ??= (await this.#chunks.next().catch(endOfDamaged)).value;
      const chunk = this.#held;
      const [first = 0] = chunk?.lines ?? [];
      if (!chunk || first > wanted) return undefined;
      this.#held = undefined;
      this.behind = chunk.next;
      if (first === wanted) return chunk.rows === rows ? chunk : undefined;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}

function endOfDamaged(error: unknown): IteratorReturnResult<undefined> {
  if (error instanceof InvalidInputError) return { done: true, value: undefined };
  throw error;
}

/** A record's bytes and the physical line it begins on. */
export type RawRecord = { readonly line: number; readonly raw: Uint8Array };

/**
 * Reads records as they stand in the file, from one position after another in ascending order. Where the content
 * cannot be entered in its middle, one reader goes through it from front to back.
 */
export class RawRecords {
  readonly #plan: ImportPlan;
  readonly #object: ObjectBytes;
  #open: { readonly tokenizer: RecordTokenizer; readonly pieces: AsyncGenerator<Uint8Array> } | undefined;

  constructor(plan: ImportPlan, object: ObjectBytes) {
    this.#plan = plan;
    this.#object = object;
  }

  /** Records from `position` on; earlier ones may come first. */
  async *from(position: Position): AsyncGenerator<RawRecord> {
    const { tokenizer, pieces } = await this.#reader(position);
    for (;;) {
      const taken = tokenizer.next();
      const { window } = tokenizer;
      if (taken === 'end') return;
      if (taken === 'more') {
        const { done, value } = await pieces.next();
        window.push(done ? new Uint8Array(0) : value, done === true);
      } else if (taken === 'record')
        yield {
          line: window.startLine,
          raw: Buffer.from(window.bytes.subarray(window.start, window.contentEnd)),
        };
    }
  }

  async close(): Promise<void> {
    await this.#open?.pieces.return(undefined);
    this.#open = undefined;
  }

  async #reader(position: Position) {
    const { content } = this.#plan;
    const isSequential = !isPlain(content);
    const open = this.#open;
    if (isSequential && open && open.tokenizer.window.position.byte <= position.byte) return open;
    await this.close();
    const window = new ByteWindow(position);
    const tokenizer =
      content.format === 'jsonl' ? new LineTokenizer(window) : new CsvTokenizer(window, content);
    const pieces = readContent(this.#object, { ...content, isPassing: true }, position.byte);
    this.#open = { tokenizer, pieces };
    return this.#open;
  }
}
