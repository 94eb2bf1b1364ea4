import type { Answer, Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { createAttachment } from './create-attachment.ts';

/** POST /attachment/file?table_name=&table_sys_id=&file_name=: the body is the file, Content-Type its type. */
export function uploadFile(exchange: Exchange, state: InstanceState): Answer {
  const given = exchange.url.searchParams;
  const contentType = exchange.headers['content-type'] ?? '';
  if (contentType === '') throw new Failure(400, 'Missing mandatory parameter', 'Content-Type');
  return createAttachment(exchange, state, {
    tableName: given.get('table_name') ?? '',
    tableSysId: given.get('table_sys_id') ?? '',
    fileName: given.get('file_name') ?? '',
    contentType,
    bytes: exchange.body,
    creationTime: given.get('creation_time') ?? '',
    encryptionContext: given.get('encryption_context') ?? '',
  });
}
