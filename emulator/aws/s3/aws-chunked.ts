import { Transform, type TransformCallback } from 'node:stream';
import { AwsError } from '../aws-error.ts';

const LINE_END = Buffer.from('\r\n');
const MAX_LINE_BYTES = 16 * 1024;

/**
 * Takes the `aws-chunked` framing off a body: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailers>\r\n`.
 * Signatures are not checked. After the end, `trailers` holds the trailing headers in lower case.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export class AwsChunkedDecoder extends Transform {
  readonly trailers = new Map<string, string>();
  #pending: Buffer = Buffer.alloc(0);
  #state: 'size' | 'bytes' | 'gap' | 'trailers' = 'size';
  #left = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
      for (let before = -1; rest.length !== before && rest.length > 0; ) {
        before = rest.length;
        rest = this.#state === 'bytes' ? this.#takeBytes(rest) : this.#takeLine(rest);
      }
      this.#pending = rest;
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    const whole = this.#state === 'trailers';
    done(whole ? null : new AwsError('IncompleteBody', 'The aws-chunked body ended before its last chunk.'));
  }

  #takeBytes(rest: Buffer): Buffer {
    const bytes = rest.subarray(0, this.#left);
    this.#left -= bytes.length;
    this.push(bytes);
    if (this.#left === 0) this.#state = 'gap';
    return rest.subarray(bytes.length);
  }

  #takeLine(rest: Buffer): Buffer {
    const end = rest.indexOf(LINE_END);
    if (end < 0 && rest.length > MAX_LINE_BYTES) throw invalid('a line has no end');
    if (end < 0) return rest;
    this.#readLine(rest.toString('latin1', 0, end));
    return rest.subarray(end + LINE_END.length);
  }

  #readLine(line: string): void {
    if (this.#state === 'gap') this.#state = 'size';
    else if (this.#state === 'size') this.#readSize(line);
    else this.#readTrailer(line);
  }

  #readSize(line: string): void {
    const [hex = ''] = line.split(';');
    if (!/^[0-9a-f]{1,8}$/i.test(hex)) throw invalid(`no chunk size: ${line.slice(0, 40)}`);
    this.#left = Number.parseInt(hex, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'bytes';
  }

  #readTrailer(line: string): void {
    const colon = line.indexOf(':');
    if (colon > 0) this.trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
}

function invalid(reason: string): AwsError {
  return new AwsError('InvalidRequest', `The aws-chunked body is malformed: ${reason}.`);
}
