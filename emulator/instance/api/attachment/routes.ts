import type { Answer, Exchange } from '../../http/exchange.ts';
import { lazySchema } from '../../lazy-schema.ts';
import type { InstanceState } from '../../state.ts';
import { negotiated, type Route } from '../router.ts';
import { pageHeaders } from '../table/page-headers.ts';
import { readCondition } from '../table/request.ts';
import { attachmentOf, attachmentToChange, maySee, metadataOf, readBody, readContent } from './attachment.ts';
import {
  addAttribute,
  deleteAttribute,
  deleteAttributes,
  getAttribute,
  listAttributes,
  updateAttribute,
} from './attributes.ts';
import { uploadFile, uploadMultipart } from './upload.ts';

/** GET /attachment/{sys_id}: what is known of one file. */
export function getMetadata(exchange: Exchange, state: InstanceState): Answer {
  return { status: 200, json: { result: metadataOf(exchange, attachmentOf(exchange, state)) } };
}

/** GET /attachment/{sys_id}/file: the bytes as uploaded, with what is known of them in a header. */
export function getFile(exchange: Exchange, state: InstanceState): Answer {
  const row = attachmentOf(exchange, state);
  // The header leaves out the link (recorded).
  const { download_link: _, ...metadata } = metadataOf(exchange, row);
  return {
    status: 200,
    headers: {
      'Content-Type': typeOf(row['content_type'] ?? ''),
      'Content-Disposition': disposition(row['file_name'] ?? ''),
      'X-Attachment-Metadata': toAscii(JSON.stringify(metadata)),
    },
    bytes: readContent(state.store, row['sys_id'] ?? ''),
  };
}

/** JSON is served with its character set (recorded). */
function typeOf(contentType: string): string {
  if (contentType === 'application/json') return 'application/json;charset=UTF-8';
  return contentType || 'application/octet-stream';
}

/** Both forms of the name, as recorded; the plain one cannot hold more than ASCII. */
function disposition(fileName: string): string {
  const plain = fileName.replace(/["\\]|[^\x20-\x7e]/g, '_');
  return `attachment;filename="${plain}";filename*=UTF-8''${encodeURIComponent(fileName)}`;
}

/** JSON that fits a header: everything beyond ASCII as an escape. */
function toAscii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const defaultLimit = 1_000;

/**
 * GET /attachment: what is known of the files that match a query on sys_attachment; a page may be short. The total
 * is in a header, as PySNC reads it from a live instance.
 */
export function listAttachments(exchange: Exchange, state: InstanceState): Answer {
  const { where, params, orderBy } = readCondition(exchange, state, 'sys_attachment');
  const limit = natural(exchange, 'sysparm_limit') ?? defaultLimit;
  const offset = natural(exchange, 'sysparm_offset') ?? 0;
  const rows = state.store.select('sys_attachment', { where, params, orderBy, limit, offset });
  const total = state.store.count('sys_attachment', { where, params });
  const { prevBelowStart } = state.switches;
  const paging = { limit, offset, prevBelowStart, suppressPaginationHeader: false };
  const seen = rows.filter((row) => maySee(exchange.user, state, row));
  return {
    status: 200,
    headers: pageHeaders(exchange.url, paging, total),
    json: { result: seen.map((row) => metadataOf(exchange, row)) },
  };
}

function natural({ url }: Exchange, name: string): number | undefined {
  const text = url.searchParams.get(name) ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

const renaming = lazySchema((z) => z.object({ file_name: z.string().min(1) }));

/** PATCH /attachment/{sys_id} with `{"file_name"}`. */
export function renameAttachment(exchange: Exchange, state: InstanceState): Answer {
  const { sys_id: sysId = '' } = attachmentToChange(exchange, state, 'write');
  const { file_name: fileName } = readBody(exchange, renaming());
  state.store.update('sys_attachment', sysId, { file_name: fileName }, exchange.user);
  return { status: 204 };
}

/** DELETE /attachment/{sys_id}: the file, its bytes and its attributes. */
export function deleteAttachment(exchange: Exchange, state: InstanceState): Answer {
  const { sys_id: sysId = '' } = attachmentToChange(exchange, state, 'delete');
  state.store.remove('sys_attachment', sysId);
  return { status: 204 };
}

/** The Attachment API. */
export const attachmentRoutes: readonly Route[] = [
  { path: 'attachment', methods: { GET: negotiated(listAttachments) } },
  { path: 'attachment/file', methods: { POST: uploadFile } },
  { path: 'attachment/upload', methods: { POST: uploadMultipart } },
  {
    path: 'attachment/:sysId',
    methods: {
      GET: negotiated(getMetadata),
      PATCH: negotiated(renameAttachment),
      DELETE: negotiated(deleteAttachment),
    },
  },
  { path: 'attachment/:sysId/file', methods: { GET: getFile } },
  {
    path: 'attachment/:sysId/attributes',
    methods: {
      GET: negotiated(listAttributes),
      POST: negotiated(addAttribute),
      DELETE: negotiated(deleteAttributes),
    },
  },
  {
    path: 'attachment/:sysId/attributes/:key',
    methods: {
      GET: negotiated(getAttribute),
      PUT: negotiated(updateAttribute),
      DELETE: negotiated(deleteAttribute),
    },
  },
];
