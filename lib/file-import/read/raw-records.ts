import type { ImportPlan, Position } from '../plan/import-plan.ts';
import { ByteWindow } from './byte-window.ts';
import { type ObjectBytes, readContent } from './content.ts';
import { CsvTokenizer } from './csv-tokenizer.ts';
import { LineTokenizer, type RecordTokenizer } from './record-tokenizer.ts';

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
    const isSequential = content.gzip || content.encoding.way === 'transcode';
    const open = this.#open;
    if (isSequential && open && open.tokenizer.window.position.byte <= position.byte) return open;
    await this.close();
    const window = new ByteWindow(position);
    const tokenizer =
      content.format === 'jsonl'
        ? new LineTokenizer(window)
        : new CsvTokenizer(window, content.delimiter.charCodeAt(0));
    this.#open = { tokenizer, pieces: readContent(this.#object, content, position.byte) };
    return this.#open;
  }
}
