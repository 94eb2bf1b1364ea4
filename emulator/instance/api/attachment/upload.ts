import { createHash } from 'node:crypto';
import busboy from 'busboy';
import { attachmentTooLarge } from '../../http/body.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import {
  attachmentUrl,
  chunkSizeBytes,
  compress,
  metadataOf,
  requireOwner,
  writeContent,
} from './attachment.ts';

/** A file and the record that it goes to. */
export type Upload = {
  readonly tableName: string;
  readonly tableSysId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** When the file was made, `YYYY-MM-DD HH:MM:SS` in UTC; now without. */
  readonly creationTime?: string;
  readonly encryptionContext?: string;
};

/**
 * Attaches a file and answers 201. It is `pending` until the instance has looked at it, then `available`.
 * @throws Failure 400 for a missing parameter or an ending that is not allowed, 404 without the record, 413 (a
 *   switch) for a file that is too large.
 */
function createAttachment(exchange: Exchange, state: InstanceState, upload: Upload): Answer {
  check(state, upload);
  requireOwner(exchange, state, upload.tableName, upload.tableSysId);
  const { store } = state;
  const compressed = compress(upload.bytes);
  const row = store.transaction(() => {
    const created = store.insert('sys_attachment', describe(upload, compressed), exchange.user);
    if (upload.creationTime) {
      store.assign('sys_attachment', created['sys_id'] ?? '', { sys_created_on: upload.creationTime });
    }
    writeContent(store, created['sys_id'] ?? '', compressed, exchange.user);
    return store.find('sys_attachment', created['sys_id'] ?? '') ?? created;
  });
  scheduleScan(state, row['sys_id'] ?? '');
  const headers = { Location: `${attachmentUrl(exchange, row)}/file` };
  return { status: 201, headers, json: { result: metadataOf(exchange, row) } };
}

function check({ switches }: InstanceState, upload: Upload): void {
  const { tableName, tableSysId, fileName, bytes } = upload;
  for (const [name, value] of Object.entries({
    table_name: tableName,
    table_sys_id: tableSysId,
    file_name: fileName,
  })) {
    if (value === '') throw new Failure(400, 'Missing mandatory parameter', name);
  }
  if (bytes.length > switches.attachmentMaxBytes) throw attachmentTooLarge(bytes.length, switches);
  if (!isAllowed(fileName, switches.attachmentExtensions)) {
    throw new Failure(400, 'File type is not allowed', fileName);
  }
}

/** An empty list allows every ending. */
function isAllowed(fileName: string, extensions: readonly string[]): boolean {
  const ending = /\.([^.]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';
  return extensions.length === 0 || extensions.includes(ending);
}

function describe(upload: Upload, compressed: Buffer): Record<string, string> {
  return {
    table_name: upload.tableName,
    table_sys_id: upload.tableSysId,
    file_name: upload.fileName,
    content_type: upload.contentType,
    encryption_context: upload.encryptionContext ?? '',
    size_bytes: String(upload.bytes.length),
    size_compressed: String(compressed.length),
    compressed: 'true',
    chunk_size_bytes: String(chunkSizeBytes),
    hash: createHash('sha256').update(upload.bytes).digest('hex'),
    state: 'pending',
  };
}

/** The scan is an update of the row by the system, as recorded: sys_updated_by and sys_mod_count show it. */
function scheduleScan({ clock, ledger, store, switches }: InstanceState, sysId: string): void {
  const by = { userName: 'system', sysId: '' };
  clock.at(clock.now() + switches.attachmentScanMs, () => {
    ledger.during(ledger.openJob(`Attachment scan ${sysId}`, clock.now()), () => {
      store.update('sys_attachment', sysId, { state: 'available' }, by);
    });
  });
}

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

/** POST /attachment/upload: parts `table_name` and `table_sys_id`, then the file. What comes after it is not read. */
export async function uploadMultipart(exchange: Exchange, state: InstanceState): Promise<Answer> {
  return createAttachment(exchange, state, await readParts(exchange));
}

async function readParts(exchange: Exchange): Promise<Upload> {
  try {
    return await parse(exchange);
  } catch (cause) {
    throw new Failure(400, 'Exception while reading request', cause instanceof Error ? cause.message : null);
  }
}

function parse({ headers, body }: Exchange): Promise<Upload> {
  const { promise, resolve, reject } = Promise.withResolvers<Upload>();
  const fields = new Map<string, string>();
  const parser = busboy({ headers, defParamCharset: 'utf8' });
  parser.on('field', (name, value) => fields.set(name, value));
  parser.on('file', (_name, stream, { filename, mimeType }) => {
    const [tableName = '', tableSysId = ''] = [fields.get('table_name'), fields.get('table_sys_id')];
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () =>
      resolve({
        tableName,
        tableSysId,
        fileName: filename ?? '',
        contentType: mimeType,
        bytes: Buffer.concat(chunks),
      }),
    );
  });
  parser.on('error', reject);
  parser.on('close', () => reject(new Error('The request holds no file')));
  parser.end(body);
  return promise;
}
