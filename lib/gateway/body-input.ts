import { InvalidInputError } from '../core/errors.ts';
import { parseJson } from '../core/parse-json.ts';
import type { HttpEvent } from './event.ts';
import { UnsupportedMediaTypeError } from './unsupported-media-type.ts';

/**
 * The JSON body of a request.
 * @throws InvalidInputError when it is empty, not UTF-8 or not JSON
 * @throws UnsupportedMediaTypeError when it says that it is not JSON
 */
export function readBody(event: HttpEvent): unknown {
  requireJson(event.headers);
  const text = decode(event);
  if (text.trim() === '') throw new InvalidInputError('body', 'empty; a JSON object is due here');
  try {
    return parseJson(text);
  } catch (cause) {
    throw new InvalidInputError('body', `not valid JSON${whereIn(cause)}`, { cause });
  }
}

/** Without a Content-Type the body is taken for JSON, as ServiceNow does. */
function requireJson(headers: HttpEvent['headers']): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new UnsupportedMediaTypeError('content-encoding', encoding);
  const type = headers['content-type'] ?? 'application/json';
  const isJson = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type);
  if (!isJson || !isUtf8(type)) throw new UnsupportedMediaTypeError('content-type', type);
}

function isUtf8(contentType: string): boolean {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  return /^(?:utf-?8|us-ascii)$/i.test(charset);
}

function decode({ body = '', isBase64Encoded = false }: HttpEvent): string {
  // Some editors and shells begin a file with a byte order mark, which is not of the text.
  if (!isBase64Encoded) return body.replace(/^\uFEFF/, '');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64'));
  } catch (cause) {
    throw new InvalidInputError('body', 'not UTF-8 text', { cause });
  }
}

/** The parser's position, but not its message: that quotes the body. */
function whereIn(cause: unknown): string {
  const position = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined;
  return position === undefined ? '' : ` at character ${position}`;
}
