import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import {
  deleteAttachment,
  downloadAttachment,
  getAttachment,
  listAttachments,
  uploadAttachment,
} from '../../../lib/servicenow/attachments.ts';
import { json, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

const content = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256));

describe('attachments', () => {
  it('come back byte for byte, and are gone once deleted', async () => {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
    const client = clientFor({ instanceUrl: instance.url, auth });
    const sysId = String(instance.state.store.select('incident', { limit: 1 })[0]?.['sys_id']);
    const file = {
      table: 'incident',
      sysId,
      fileName: 'Füll & more.bin',
      contentType: 'application/octet-stream',
      content,
    };
    const stored = await uploadAttachment(client, file, callContext());
    expect(stored).toMatchObject({ file_name: 'Füll & more.bin', size_bytes: '100000', table_sys_id: sysId });
    expect(Buffer.compare(await downloadAttachment(client, stored.sys_id, callContext()), content)).toBe(0);
    expect(await getAttachment(client, stored.sys_id, callContext())).toMatchObject({
      sys_id: stored.sys_id,
    });
    const { attachments } = await listAttachments(client, { query: `table_sys_id=${sysId}` }, callContext());
    expect(attachments.map(({ sys_id }) => sys_id)).toContain(stored.sys_id);
    await deleteAttachment(client, stored.sys_id, callContext());
    await expect(getAttachment(client, stored.sys_id, callContext())).rejects.toMatchObject({
      code: 'RECORD_NOT_FOUND',
    });
  });

  it('that ServiceNow stored otherwise than sent are not reported as done', async () => {
    const meta = {
      sys_id: 'a',
      file_name: 'f',
      table_name: 'incident',
      table_sys_id: 'b',
      content_type: 'text/plain',
      size_bytes: '5',
      hash: 'other',
    };
    const { url } = await scriptedServer((response) => json(response, 201, { result: meta }));
    const file = {
      table: 'incident',
      sysId: 'b',
      fileName: 'f',
      contentType: 'text/plain',
      content: Buffer.from('hello'),
    };
    const upload = uploadAttachment(clientFor({ instanceUrl: url, auth: basic }), file, callContext());
    await expect(upload).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('differs'),
    });
  });

  it('are distinguished from a page that only pretends to be one', async () => {
    const { url } = await scriptedServer(
      (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hibernating</h1>'),
    );
    const download = downloadAttachment(
      clientFor({ instanceUrl: url, auth: basic }, { maxAttempts: 1 }),
      'a',
      callContext(),
    );
    await expect(download).rejects.toMatchObject({ code: 'INSTANCE_ASLEEP' });
  });
});
