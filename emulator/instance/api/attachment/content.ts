import { gunzipSync, gzipSync } from 'node:zlib';
import type { Author } from '../../store/row.ts';
import type { Store } from '../../store/store.ts';

/** How much of the compressed file one row of sys_attachment_doc holds. */
export const chunkSizeBytes = 700_000;

export function compress(bytes: Buffer): Buffer {
  return gzipSync(bytes);
}

/** Writes the compressed bytes of a file in chunks, as base64. */
export function writeContent(store: Store, attachmentId: string, compressed: Buffer, by: Author): void {
  for (let position = 0; position * chunkSizeBytes < compressed.length; position += 1) {
    const from = position * chunkSizeBytes;
    const chunk = compressed.subarray(from, from + chunkSizeBytes);
    const row = { position: String(position), length: String(chunk.length), data: chunk.toString('base64') };
    store.insert('sys_attachment_doc', { sys_attachment: attachmentId, ...row }, by);
  }
}

/** The bytes as they were uploaded. */
export function readContent(store: Store, attachmentId: string): Buffer {
  const chunks = store.select('sys_attachment_doc', {
    where: 't0."sys_attachment" = ?',
    params: [attachmentId],
    orderBy: 't0."position"',
    columns: ['data'],
  });
  const compressed = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk['data'] ?? '', 'base64')));
  return compressed.length === 0 ? compressed : gunzipSync(compressed);
}
