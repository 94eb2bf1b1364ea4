import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { attachmentOf } from './access.ts';
import { readContent } from './content.ts';
import { metadataOf } from './metadata.ts';

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
