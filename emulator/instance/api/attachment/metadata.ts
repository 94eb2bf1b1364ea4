import type { Exchange } from '../../http/exchange.ts';
import type { Row } from '../../store/row.ts';

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

/** What the Attachment API tells of a file: all text, and where the bytes are. */
export function metadataOf(exchange: Exchange, row: Row): Row {
  const known: Row = { ...row, download_link: `${attachmentUrl(exchange, row)}/file` };
  return Object.fromEntries(fields.map((name) => [name, known[name] ?? '']));
}

/** `https://host/api/now/v1/attachment/<sys_id>`, with the version segment of the request. */
export function attachmentUrl({ url, version }: Exchange, row: Row): string {
  return `${url.origin}/api/now/${version ? `${version}/` : ''}attachment/${row['sys_id']}`;
}
