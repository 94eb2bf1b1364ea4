import busboy from 'busboy';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import { createAttachment, type Upload } from './create-attachment.ts';

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
