import { describe, expect, it, onTestFinished } from 'vitest';
import {
  deleteAttachmentById,
  getAttachmentById,
  getAttachmentFile,
  getAttachments,
  patchAttachmentById,
  postAttachment,
} from '../../lib/operations/attachment.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { startDeployment } from './emulated.ts';

const host = 'https://abc123.execute-api.eu-west-1.amazonaws.com';

/** A deployment that serves incidents, with one incident and one problem. */
async function openDeployment(allowedTables = 'incident') {
  const deployment = await startDeployment({ ALLOWED_TABLES: allowedTables });
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  const incident = 'a'.repeat(32);
  const problem = 'b'.repeat(32);
  store.seed('incident', { sys_id: incident, number: 'INC1' });
  store.seed('problem', { sys_id: problem, number: 'PRB1' });
  const everywhere = await import('../../lib/operations/attachment.ts');
  const put = (tableName: string, tableSysId: string, fileName: string, content: Buffer) =>
    deployment.serve(everywhere.postAttachment).invoke({
      tableName,
      tableSysId,
      fileName,
      contentType: 'text/plain',
      content: content.toString('base64'),
    });
  const putInProblem = async (fileName: string) => {
    const url = `${deployment.instance.url}/api/now/attachment/file?table_name=problem&table_sys_id=${problem}&file_name=${fileName}`;
    const { username, password } = deployment.instance;
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'text/plain' };
    const answer = await fetch(url, { method: 'POST', headers, body: 'secret' });
    return String(Object(await answer.json()).result.sys_id);
  };
  return { deployment, incident, problem, put, putInProblem };
}

describe('the Attachment API', () => {
  it('uploads raw bytes and gives them back with the headers that clients read', async () => {
    const { deployment, incident } = await openDeployment();
    const bytes = Buffer.from([0, 255, 128, 10, 13, 0]);
    const url = `/api/now/attachment/file?table_name=incident&table_sys_id=${incident}&file_name=${encodeURIComponent('Grüße.bin')}`;
    const uploaded = await deployment.serve(postAttachment).http({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes.toString('base64'),
      isBase64Encoded: true,
    });
    const { sys_id, download_link } = Object(Object(uploaded.body).result);
    expect(uploaded).toMatchObject({ statusCode: 201, body: { result: { file_name: 'Grüße.bin' } } });
    expect(uploaded.headers['location']).toBe(`${host}/api/now/attachment/${sys_id}/file`);
    expect(download_link).toBe(`${host}/api/now/attachment/${sys_id}/file`);
    const file = await deployment.serve(getAttachmentFile).raw({ url: `/api/now/attachment/${sys_id}/file` });
    expect(file).toMatchObject({
      statusCode: 200,
      isBase64Encoded: true,
      headers: {
        'content-type': 'application/octet-stream',
        'content-disposition': expect.stringContaining("filename*=UTF-8''Gr%C3%BC%C3%9Fe.bin"),
        'x-attachment-metadata': expect.stringContaining(sys_id),
      },
    });
    expect(Buffer.from(String(file.body), 'base64')).toEqual(bytes);
    expect(file.headers?.['x-attachment-metadata']).not.toContain(new URL(deployment.instance.url).host);
  });

  it('uploads a form, whose table is checked before its file is sent', async () => {
    const { deployment, incident, problem } = await openDeployment();
    const upload = async (table: string, sysId: string) => {
      const form = new FormData();
      form.set('table_name', table);
      form.set('table_sys_id', sysId);
      form.set('uploadFile', new Blob(['hello'], { type: 'text/plain' }), 'a.txt');
      const request = new Request('http://x', { method: 'POST', body: form });
      return deployment.serve(postAttachment).http({
        method: 'POST',
        url: '/api/now/v1/attachment/upload',
        headers: { 'content-type': request.headers.get('content-type') ?? '' },
        body: Buffer.from(await request.arrayBuffer()).toString('base64'),
        isBase64Encoded: true,
      });
    };
    expect(await upload('incident', incident)).toMatchObject({
      statusCode: 201,
      body: { result: { file_name: 'a.txt', content_type: 'text/plain', size_bytes: '5' } },
    });
    expect(await upload('problem', problem)).toMatchObject({
      statusCode: 403,
      headers: { 'x-error-code': 'TABLE_NOT_ALLOWED' },
    });
    expect(deployment.instance.state.store.count('sys_attachment')).toBe(1);
  });

  it.each([
    ['/api/now/attachment/file?table_sys_id=1&file_name=a', 'text/plain', 400, /^table_name: required/],
    ['/api/now/attachment/file?table_name=incident&file_name=a', 'text/plain', 400, /required/],
    ['/api/now/attachment/file?table_name=incident&table_sys_id=1', 'text/plain', 400, /file/],
    [
      '/api/now/attachment/file?table_name=a-b&table_sys_id=1&file_name=a',
      'text/plain',
      400,
      /^table_name: must/,
    ],
    ['/api/now/attachment/upload', 'text/plain', 415, /multipart/],
    ['/api/now/attachment/upload', 'multipart/form-data', 415, /send multipart\/form-data with its boundary/],
    ['/api/now/attachment/upload', 'multipart/form-data; boundary=x', 400, /not valid multipart/],
  ])('refuses %s of type %s', async (url, type, status, reason) => {
    const { deployment } = await openDeployment();
    const answer = await deployment
      .serve(postAttachment)
      .http({ method: 'POST', url, headers: { 'content-type': type }, body: 'x' });
    expect(answer).toMatchObject({
      statusCode: status,
      body: { error: { detail: expect.stringMatching(reason) } },
    });
  });

  it('takes uploads as clients send them: types, times and trailing line ends', async () => {
    const { deployment, incident } = await openDeployment();
    const { store } = deployment.instance.state;
    const raw = (type: string, more = '', headers: Record<string, string> = {}, body = 'x') =>
      deployment.serve(postAttachment).http({
        method: 'POST',
        url: `/api/now/attachment/file?table_name=incident&table_sys_id=${incident}&file_name=a.txt${more}`,
        headers: { 'content-type': type, ...headers },
        body,
      });
    for (const [given, stored] of [
      ['text/plain ; charset=utf-8', 'text/plain; charset=utf-8'],
      ['csv', 'application/octet-stream'],
      ['application/x-#foo', 'application/x-#foo'],
    ] as const)
      expect(await raw(given)).toMatchObject({ statusCode: 201, body: { result: { content_type: stored } } });
    const dated = await raw('text/plain', '&creation_time=2020-02-03%2004:05:06', {
      'content-encoding': 'Identity',
    });
    expect(dated.body).toMatchObject({ result: { sys_created_on: '2020-02-03 04:05:06' } });
    const form = [
      ...['--b', 'Content-Disposition: form-data; name="table_name"', '', 'incident\r\n'],
      ...['--b', 'Content-Disposition: form-data; name="table_sys_id"', '', `${incident}\r\n`],
      ...['--b', 'Content-Disposition: form-data; name="f"; filename="a.txt"', 'Content-Type: csv', '', 'x'],
      '--b--',
    ];
    const upload = { method: 'POST', url: '/api/now/attachment/upload', body: form.join('\r\n') };
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    expect((await deployment.serve(postAttachment).http({ ...upload, headers })).statusCode).toBe(201);
    const count = store.count('sys_attachment');
    expect(await raw('text/plain', '', { 'content-length': '6' }, 'M\uFFFDller')).toMatchObject({
      statusCode: 400,
      body: {
        error: { detail: expect.stringMatching(/body: is not UTF-8 text; .*application\/octet-stream/) },
      },
    });
    expect(store.count('sys_attachment')).toBe(count);
    expect((await raw('text/plain', '', { 'content-length': '8' }, 'M\uFFFDller')).statusCode).toBe(201);
  });

  it('counts the value of an image column to the table of its record', async () => {
    const { deployment, incident, problem } = await openDeployment();
    const { store } = deployment.instance.state;
    const seeded = { file_name: 'photo', content_type: 'image/png', size_bytes: '4' };
    const ids = ['1', '2'].map((one) => one.repeat(32));
    const owners = [
      ['ZZ_YYincident', incident],
      ['ZZ_YYproblem', problem],
    ] as const;
    for (const [index, [table_name, table_sys_id]] of owners.entries())
      store.seed('sys_attachment', { sys_id: ids[index] ?? '', table_name, table_sys_id, ...seeded });
    const { body } = await deployment.serve(getAttachments).http({ url: '/api/now/attachment' });
    expect(Object(body).result).toMatchObject([{ table_name: 'ZZ_YYincident' }]);
    const answers = ids.map((id) =>
      deployment.serve(getAttachmentById).http({ url: `/api/now/attachment/${id}` }),
    );
    expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual([200, 403]);
  });

  it('lists files where the names of the tables that callers may use hardly fit into an address', async () => {
    const others = Array.from({ length: 200 }, (_, index) => `u_table_of_number_${index}`);
    const { deployment, incident, put } = await openDeployment(['incident', ...others].join(','));
    await put('incident', incident, 'mine.txt', Buffer.from('mine'));
    const lengths: number[] = [];
    const measured = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send(request, context) {
        lengths.push(String(request.query).length);
        return client.send(request, context);
      },
    });
    const answer = await deployment.serve(getAttachments, measured).http({ url: '/api/now/attachment' });
    expect(answer).toMatchObject({ statusCode: 200, body: { result: [{ file_name: 'mine.txt' }] } });
    expect(Math.max(...lengths)).toBeLessThan(6_000);
  });

  it('shows nothing of files of tables that callers may not use', async () => {
    const { deployment, incident, put, putInProblem } = await openDeployment();
    await put('incident', incident, 'mine.txt', Buffer.from('mine'));
    const other = await putInProblem('other.txt');
    const list = deployment.serve(getAttachments);
    for (const query of [
      '',
      '?sysparm_query=file_nameISNOTEMPTY',
      '?sysparm_query=file_name=x^NQfile_nameISNOTEMPTY',
      '?sysparm_query=ORtable_nameISNOTEMPTY',
      '?sysparm_query=RLQUERYincident.number,>=0^file_nameISNOTEMPTY',
      '?file_name=other.txt',
      '?table_name=problem',
    ]) {
      const { body } = await list.http({ url: `/api/now/attachment${query}` });
      expect(JSON.stringify(body)).not.toContain('other.txt');
    }
    const { body } = await list.http({ url: '/api/now/attachment?sysparm_limit=10' });
    expect(Object(body).result).toMatchObject([{ file_name: 'mine.txt' }]);
    for (const [operation, url, method] of [
      [getAttachmentById, `/api/now/attachment/${other}`, 'GET'],
      [getAttachmentFile, `/api/now/attachment/${other}/file`, 'GET'],
      [patchAttachmentById, `/api/now/attachment/${other}`, 'PATCH'],
      [deleteAttachmentById, `/api/now/attachment/${other}`, 'DELETE'],
    ] as const)
      expect(
        await deployment
          .serve(operation)
          .http({ url, method, ...(method === 'PATCH' && { body: '{"file_name":"mine.txt"}' }) }),
      ).toMatchObject({ statusCode: 403 });
    expect(deployment.instance.state.store.find('sys_attachment', other)?.['file_name']).toBe('other.txt');
  });

  it('renames a file, and names what is wrong with a new name by the name that HTTP has for it', async () => {
    const { deployment, incident, put } = await openDeployment();
    const { sys_id } = Object(Object(await put('incident', incident, 'a.txt', Buffer.from('x'))).result);
    const rename = (id: string, body: string) =>
      deployment
        .serve(patchAttachmentById)
        .http({ method: 'PATCH', url: `/api/now/v1/attachment/${id}`, body });
    const name = () => deployment.instance.state.store.find('sys_attachment', sys_id)?.['file_name'];
    expect(await rename(sys_id, '{"file_name":"Größe.txt"}')).toMatchObject({
      statusCode: 204,
      body: undefined,
    });
    expect(name()).toBe('Größe.txt');
    for (const [body, reason] of [
      ['{}', /file_name: required/],
      ['{"file_name":""}', /file_name: must not be empty/],
      ['{"file_name":"b.txt","table_name":"problem"}', /table_name: unknown parameter/],
      ['[]', /body: must be a JSON object/],
    ] as const)
      expect(await rename(sys_id, body)).toMatchObject({
        statusCode: 400,
        body: { error: { detail: expect.stringMatching(reason) } },
      });
    expect(name()).toBe('Größe.txt');
    expect((await rename('0'.repeat(32), '{"file_name":"b.txt"}')).statusCode).toBe(404);
    expect(await deployment.serve(patchAttachmentById).invoke({ sysId: sys_id, fileName: 'c.txt' })).toEqual({
      result: null,
    });
    expect(name()).toBe('c.txt');
  });

  it('keeps the version that was asked in every link, as PySNC compares them', async () => {
    const { deployment, incident } = await openDeployment();
    const url = `/api/now/v1/attachment/file?table_name=incident&table_sys_id=${incident}&file_name=a.txt`;
    const headers = { 'content-type': 'text/plain' };
    const uploaded = await deployment.serve(postAttachment).http({ method: 'POST', url, headers, body: 'x' });
    const { sys_id } = Object(Object(uploaded.body).result);
    const link = `${host}/api/now/v1/attachment/${sys_id}/file`;
    expect(uploaded.headers['location']).toBe(link);
    const one = await deployment.serve(getAttachmentById).http({ url: `/api/now/v1/attachment/${sys_id}` });
    const all = await deployment.serve(getAttachments).http({ url: '/api/now/v1/attachment' });
    expect([Object(one.body).result.download_link, Object(all.body).result[0].download_link]).toEqual([
      link,
      link,
    ]);
  });

  it('deletes a file, and answers 404 for one that does not exist or cannot', async () => {
    const { deployment, incident, put } = await openDeployment();
    const { sys_id } = Object(Object(await put('incident', incident, 'a.txt', Buffer.from('x'))).result);
    const remove = deployment.serve(deleteAttachmentById);
    const url = `/api/now/attachment/${sys_id}`;
    expect(await remove.http({ method: 'DELETE', url })).toMatchObject({ statusCode: 204, body: undefined });
    expect((await remove.http({ method: 'DELETE', url })).statusCode).toBe(404);
    const file = deployment.serve(getAttachmentFile);
    for (const id of [sys_id, '%20', "'", '..%2Ffile'])
      expect((await file.http({ url: `/api/now/attachment/${id}/file` })).statusCode).toBe(404);
  });

  it('answers 413 with advice for a file that Lambda cannot return', async () => {
    const { deployment, incident, put } = await openDeployment();
    const noise = Buffer.alloc(5 * 1024 * 1024);
    for (let index = 0, state = 7; index < noise.length; index += 1) {
      state = (state * 48_271) % 2_147_483_647;
      noise[index] = state % 256;
    }
    const { sys_id } = Object(Object(await put('incident', incident, 'a.bin', noise)).result);
    const url = `/api/now/attachment/${sys_id}/file`;
    const answer = await deployment
      .serve(getAttachmentFile)
      .http({ url, headers: { 'accept-encoding': 'gzip' } });
    expect(answer).toMatchObject({
      statusCode: 413,
      body: { error: { detail: expect.stringMatching(/5\.0 MB.*download the file from the instance/) } },
    });
  });

  it('serves direct Invokes, content as base64', async () => {
    const { deployment, incident, put } = await openDeployment();
    const { sys_id: sysId } = Object(
      Object(await put('incident', incident, 'a.txt', Buffer.from('hi'))).result,
    );
    expect(await deployment.serve(getAttachmentById).invoke({ sysId })).toMatchObject({
      result: { file_name: 'a.txt' },
    });
    expect(await deployment.serve(getAttachmentFile).invoke({ sysId })).toMatchObject({
      result: { content: Buffer.from('hi').toString('base64'), contentType: 'text/plain' },
    });
    expect(
      await deployment.serve(getAttachments).invoke({ keyValuePairs: { file_name: 'a.txt' } }),
    ).toMatchObject({ result: [{ sys_id: sysId }], totalCount: 1 });
    expect(await deployment.serve(deleteAttachmentById).invoke({ sysId })).toEqual({ result: null });
  });

  it('answers 404 for the file of a record that cannot be one, before anything is sent', async () => {
    const { deployment } = await openDeployment();
    const url = '/api/now/attachment/file?table_name=incident&table_sys_id=%27&file_name=a.txt';
    const headers = { 'content-type': 'text/plain' };
    const answer = await deployment.serve(postAttachment).http({ method: 'POST', url, headers, body: 'x' });
    expect(answer).toMatchObject({ statusCode: 404, body: { error: { message: 'No Record found' } } });
    expect(deployment.instance.control.ledger.select({ method: 'POST' })).toEqual([]);
  });
});
