import { gunzipSync, gzipSync } from 'node:zlib';
import type { ZodType } from 'zod';
import type { Exchange, User } from '../../http/exchange.ts';
import { Failure, noRecordFound } from '../../http/failure.ts';
import { fromXml } from '../../http/respond.ts';
import type { Author, Row } from '../../row.ts';
import type { InstanceState } from '../../state.ts';
import type { Store } from '../../store/store.ts';

/** An attachment is visible to users who may read attachments and the record that it is on. */
export function maySee(user: User, { auth: { access }, store, schema }: InstanceState, row: Row): boolean {
  if (!access.restricts(user)) return true;
  if (!access.may(user, 'read', 'sys_attachment', row)) return false;
  const table = row['table_name'] ?? '';
  const owner = schema.table(table) ? store.find(table, row['table_sys_id'] ?? '') : undefined;
  return owner === undefined || access.may(user, 'read', table, owner);
}

/**
 * The attachment that the path names.
 * @throws Failure 404 when there is none, or the caller may not see it.
 */
export function attachmentOf({ segments, user }: Exchange, state: InstanceState): Row {
  const row = state.store.find('sys_attachment', segments[1] ?? '');
  if (!row || !maySee(user, state, row)) throw noRecordFound();
  return row;
}

/**
 * The attachment that the path names, for a caller who wants to change or delete it.
 * @throws Failure 404 when he may not see it, 403 when he may see it and no more.
 */
export function attachmentToChange(
  exchange: Exchange,
  state: InstanceState,
  operation: 'write' | 'delete',
): Row {
  const row = attachmentOf(exchange, state);
  state.auth.access.require(exchange.user, operation, 'sys_attachment', row);
  return row;
}

/**
 * Holds the caller to the records that he may attach something to.
 * @throws Failure 404 without the record or the right to see it, 403 without the right to write to it.
 */
export function requireOwner({ user }: Exchange, state: InstanceState, table: string, sysId: string): void {
  const { access } = state.auth;
  const owner = state.schema.table(table) ? state.store.find(table, sysId) : undefined;
  if (!owner || !access.may(user, 'read', table, owner)) throw noRecordFound();
  access.require(user, 'write', table, owner);
  access.require(user, 'create', 'sys_attachment');
}

/** How much of the compressed file one row of sys_attachment_doc holds. */
export const chunkSizeBytes = 700_000;

/** The bytes of a file as they are stored. */
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

const fields = [
  'table_sys_id',
  'size_bytes',
  'download_link',
  'sys_updated_on',
  'sys_id',
  'image_height',
  'sys_created_on',
  'file_name',
  'sys_created_by',
  'compressed',
  'average_image_color',
  'sys_updated_by',
  'sys_tags',
  'table_name',
  'image_width',
  'sys_mod_count',
  'content_type',
  'size_compressed',
  'chunk_size_bytes',
  'hash',
  'state',
];

/** The metadata of a file in the Attachment API: all text, with a link to its content. */
export function metadataOf(exchange: Exchange, row: Row): Row {
  const known: Row = { ...row, download_link: `${attachmentUrl(exchange, row)}/file` };
  return Object.fromEntries(fields.map((name) => [name, known[name] ?? '']));
}

/** `https://host/api/now/v1/attachment/<sys_id>`, with the version segment of the request. */
export function attachmentUrl({ url, version }: Exchange, row: Row): string {
  return `${url.origin}/api/now/${version ? `${version}/` : ''}attachment/${row['sys_id']}`;
}

/** @throws Failure 400 for a body that does not parse or lacks what is required. */
export function readBody<Body>({ body, headers }: Exchange, shape: ZodType<Body>): Body {
  const { success, data, error } = shape.safeParse(
    parse(body.toString('utf8'), headers['content-type'] ?? ''),
  );
  if (success) return data;
  throw new Failure(400, 'Missing mandatory parameter', error.issues[0]?.path.join('.') ?? null);
}

function parse(text: string, contentType: string): unknown {
  try {
    return /xml/i.test(contentType) ? fromXml(text) : JSON.parse(text);
  } catch (cause) {
    throw new Failure(400, 'Exception while reading request', cause instanceof Error ? cause.message : null);
  }
}
