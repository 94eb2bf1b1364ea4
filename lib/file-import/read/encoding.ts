import { TextDecoder } from 'node:util';
import { ConfigurationError } from '../../core/errors.ts';

/** How bytes become text. */
export type Encoding = {
  /** WHATWG name, e.g. `utf-8`, `windows-1252`. */
  readonly name: string;
  /** Length of the byte order mark at the front, 0 without one. */
  readonly bomBytes: number;
  /**
   * - `utf-8`: bytes are used as they are.
   * - `ascii-superset`: scanned as bytes, fields decoded one by one.
   * - `transcode`: turned into UTF-8 before it is scanned, since delimiters hide inside its characters.
   */
  readonly way: 'utf-8' | 'ascii-superset' | 'transcode';
};

/** Encodings whose characters hold bytes below 0x40, or that are no superset of ASCII. */
const transcoded = new Set(['utf-16le', 'utf-16be', 'iso-2022-jp']);
/** Encodings whose second bytes reach from 0x40 to 0x7E, where `|`, `^` and `~` are. */
const doubleByte = new Set(['shift_jis', 'gbk', 'gb18030', 'big5', 'euc-kr']);

/**
 * The encoding of a file: a byte order mark wins over the setting, the setting over UTF-8.
 * @throws ConfigurationError for a name that no WHATWG encoding has.
 */
export function detectEncoding(head: Uint8Array, setting: string | undefined, delimiter?: string): Encoding {
  const marked = byteOrderMark(head);
  const name = marked?.name ?? encodingName(setting ?? 'utf-8');
  const hidden =
    transcoded.has(name) || (delimiter !== undefined && delimiter >= '@' && doubleByte.has(name));
  const way = hidden ? 'transcode' : name === 'utf-8' ? 'utf-8' : 'ascii-superset';
  return { name, bomBytes: marked?.bytes ?? 0, way };
}

function byteOrderMark(head: Uint8Array): { name: string; bytes: number } | undefined {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return { name: 'utf-8', bytes: 3 };
  if (head[0] === 0xff && head[1] === 0xfe) return { name: 'utf-16le', bytes: 2 };
  if (head[0] === 0xfe && head[1] === 0xff) return { name: 'utf-16be', bytes: 2 };
  return undefined;
}

/** The WHATWG name behind a label such as `latin1`. @throws ConfigurationError when there is none. */
export function encodingName(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    throw new ConfigurationError('encoding', `${JSON.stringify(label)} is not a known encoding`, { cause });
  }
}
