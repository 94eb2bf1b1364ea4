import type { ByteWindow, Taken } from './byte-window.ts';
import { readingLimits } from './limits.ts';
import { mark, type RecordTokenizer } from './record-tokenizer.ts';

/** Takes one physical line as one record: the shape of JSON Lines. */
export class LineTokenizer implements RecordTokenizer {
  readonly window: ByteWindow;
  problem: string | undefined;
  marks: number = mark.nonAscii;
  #skippingLine = false;

  constructor(window: ByteWindow) {
    this.window = window;
  }

  get isInsideLine(): boolean {
    return this.#skippingLine;
  }

  next(): Taken {
    const { window } = this;
    if (window.at >= window.limit) return window.final ? 'end' : 'more';
    const ending = window.lineEnd(window.at);
    if (!ending) return this.#cutLongLine();
    const lineWasCut = this.#skippingLine;
    this.#skippingLine = false;
    const length = ending.at - window.at;
    window.accept(ending.at, ending.next, 1);
    if (lineWasCut) return this.next();
    this.problem = length > readingLimits.maxRecordBytes ? tooLong : undefined;
    return length === 0 ? 'blank' : 'record';
  }

  /** A line beyond every bound is reported once, then its rest is dropped piece by piece. */
  #cutLongLine(): Taken {
    const { window } = this;
    if (window.pending <= readingLimits.maxRecordBytes * 2) return 'more';
    const reportedBefore = this.#skippingLine;
    this.#skippingLine = true;
    this.problem = tooLong;
    window.accept(window.limit - 1, window.limit - 1, 0);
    return reportedBefore ? 'more' : 'record';
  }
}

const tooLong = `the line is longer than ${readingLimits.maxRecordBytes} bytes`;
