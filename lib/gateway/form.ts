import { randomUUID } from 'node:crypto';
import { InvalidInputError } from '../core/errors.ts';

/**
 * Reads a form.
 * @param contentType `multipart/form-data` with its boundary
 * @returns names and values in their order
 * @throws InvalidInputError for what is not a form
 */
export async function readForm(
  bytes: Uint8Array,
  contentType: string,
): Promise<readonly (readonly [string, string | File])[]> {
  const boundary = /;\s*boundary=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(contentType);
  const named = boundary?.[1]?.replaceAll(/\\(.)/g, '$1') ?? boundary?.[2];
  try {
    if (named === undefined) throw new TypeError('the content type has no boundary');
    const { body, type } = withLongBoundary(bytes, named);
    const form = await new Response(body, { headers: { 'content-type': type } }).formData();
    return [...form];
  } catch (cause) {
    throw new InvalidInputError('body', 'is not valid multipart/form-data', { cause });
  }
}

/**
 * The same form with another boundary and without preamble. The reader of the platform takes only boundaries of 27 to 70 letters, digits,
 * `'`, `-` and `_`; RFC 2046 allows shorter ones with more characters, and clients use them. A delimiter cannot be part of a content, so
 * that its every occurrence may be replaced.
 */
function withLongBoundary(bytes: Uint8Array, boundary: string) {
  const long = `form-${randomUUID()}`;
  // Latin-1 maps every byte to one character and back.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const name = Buffer.from(boundary)
    .toString('latin1')
    .replaceAll(/[^A-Za-z0-9]/g, '\\$&');
  const delimiter = new RegExp(`(^|\\r\\n)--${name}(?:(--)[ \\t]*(?=\\r\\n|$)|[ \\t]*(?=\\r\\n))`, 'g');
  const start = text.search(delimiter);
  const form = text
    .slice(Math.max(0, start))
    .replace(delimiter, (_, before: string, last = '') => `${before}--${long}${last}`)
    .replace(/^\r\n/, '')
    .split(`--${long}`)
    .map((part) => part.replace(/^\r\n.*?\r\n\r\n/s, withPlainNames))
    .join(`--${long}`);
  return { body: Buffer.from(form, 'latin1'), type: `multipart/form-data; boundary=${long}` };
}

/**
 * The head of a part with file names as the reader of the platform takes them: quotes as browsers write them (`%22`, not `\"` as
 * curl does), and names of other encodings (RFC 8187) in UTF-8.
 */
function withPlainNames(head: string): string {
  return head
    .replaceAll(
      /(name=")((?:[^"\\\r\n]|\\.)*)(?=")/gi,
      (_, before: string, name: string) => before + name.replaceAll('\\"', '%22'),
    )
    .replaceAll(
      /(filename\*=)([\w-]+)'[^']*'([^;\s]*)/gi,
      (whole, before: string, charset: string, name: string) => {
        const text = decodedFrom(charset, name);
        return text === undefined ? whole : `${before}UTF-8''${encodeURIComponent(text)}`;
      },
    );
}

/** Percent-encoded text of an encoding; undefined when there is none of that name. */
function decodedFrom(charset: string, text: string): string | undefined {
  const bytes = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return new TextDecoder(charset).decode(Buffer.from(bytes, 'latin1')).toWellFormed();
  } catch {
    // The label is none that TextDecoder knows.
    return undefined;
  }
}
