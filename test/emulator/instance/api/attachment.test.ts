import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { addAccount } from '../../../../emulator/instance/auth/add-account.ts';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

let instance: Instance;

beforeAll(async () => {
  const switches = { attachmentMaxBytes: 2_000_000, attachmentExtensions: ['txt', 'png', 'bin'] };
  instance = await startInstance({ demoData: false, switches });
  instance.state.store.seed('incident', { sys_id: 'i1', number: 'INC1' });
});

afterAll(() => instance.close());

const one = z.object({ result: z.record(z.string(), z.string()) });
const many = z.object({ result: z.array(z.record(z.string(), z.string())) });
const metadata = (json: unknown) => one.parse(json).result;

const bytes = Buffer.from('Grüße\u0000 from a file');

function upload(
  query: Record<string, string> = {},
  body: Uint8Array<ArrayBuffer> = bytes,
  headers = { 'content-type': 'text/plain' },
) {
  const asked = new URLSearchParams({
    table_name: 'incident',
    table_sys_id: 'i1',
    file_name: 'a.txt',
    ...query,
  });
  return call(instance, 'POST', `/api/now/attachment/file?${asked}`, { body, headers });
}

async function uploaded(fileName = 'a.txt', body: Uint8Array<ArrayBuffer> = bytes): Promise<string> {
  return metadata((await upload({ file_name: fileName }, body)).json)['sys_id'] ?? '';
}

describe('uploading', () => {
  it('answers 201 with what is known of the file, pending, all of it text', async () => {
    const { status, headers, json } = await upload();
    const result = metadata(json);
    expect(status).toBe(201);
    expect(result).toMatchObject({
      table_name: 'incident',
      table_sys_id: 'i1',
      file_name: 'a.txt',
      content_type: 'text/plain',
      size_bytes: String(bytes.length),
      compressed: 'true',
      chunk_size_bytes: '700000',
      hash: createHash('sha256').update(bytes).digest('hex'),
      state: 'pending',
      image_width: '',
      sys_mod_count: '0',
      download_link: `${instance.url}/api/now/attachment/${result['sys_id']}/file`,
    });
    expect(headers.get('location')).toBe(result['download_link']);
  });

  it('is available once the instance has looked at it', async () => {
    instance.state.clock.freeze();
    const id = await uploaded();
    const stateOf = async () =>
      metadata((await call(instance, 'GET', `/api/now/attachment/${id}`)).json)['state'];
    const before = await stateOf();
    await instance.state.clock.advance(0);
    instance.state.clock.unfreeze();
    expect([before, await stateOf()]).toEqual(['pending', 'available']);
  });

  it('was made when the caller says so', async () => {
    const reply = await upload({ creation_time: '2020-02-03 04:05:06', encryption_context: 'c1' });
    expect(metadata(reply.json)['sys_created_on']).toBe('2020-02-03 04:05:06');
  });

  it('takes a multipart body whose file comes last', async () => {
    const form = new FormData();
    form.append('table_name', 'incident');
    form.append('table_sys_id', 'i1');
    form.append('uploadFile', new Blob([bytes], { type: 'image/png' }), 'Bild ü.png');
    const { status, json } = await call(instance, 'POST', '/api/now/v1/attachment/upload', {
      body: form,
    });
    const result = metadata(json);
    expect(status).toBe(201);
    expect(result).toMatchObject({
      file_name: 'Bild ü.png',
      content_type: 'image/png',
      size_bytes: String(bytes.length),
    });
    expect(result['download_link']).toContain('/api/now/v1/attachment/');
  });

  it('knows no record when the file comes before the parts that name it', async () => {
    const form = new FormData();
    form.append('uploadFile', new Blob([bytes], { type: 'image/png' }), 'a.png');
    form.append('table_name', 'incident');
    form.append('table_sys_id', 'i1');
    const { status } = await call(instance, 'POST', '/api/now/attachment/upload', { body: form });
    expect(status).toBe(400);
  });

  it('refuses a multipart body without a file, or one that is cut off', async () => {
    const form = new FormData();
    form.append('table_name', 'incident');
    const noFile = await call(instance, 'POST', '/api/now/attachment/upload', { body: form });
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const cut = await call(instance, 'POST', '/api/now/attachment/upload', {
      body: '--x\r\nContent-Disp',
      headers,
    });
    expect([noFile.status, cut.status]).toEqual([400, 400]);
  });

  it.each([
    ['a missing parameter', { file_name: '' }, 400],
    ['an unknown record', { table_sys_id: 'none' }, 404],
    ['an unknown table', { table_name: 'nonsense' }, 404],
    ['an ending that is not allowed', { file_name: 'a.exe' }, 400],
  ])('refuses %s', async (_what, query, status) => {
    const rows = instance.state.store.count('sys_attachment');
    const answer = await upload(query);
    expect([answer.status, instance.state.store.count('sys_attachment')]).toEqual([status, rows]);
    expect(answer.json).toMatchObject({ status: 'failure' });
  });

  it('refuses a body without a type', async () => {
    expect((await upload({}, bytes, { 'content-type': '' })).status).toBe(400);
  });

  it('refuses a file that is too large, but none for being larger than a REST body may be', async () => {
    const atLimit = await upload({}, Buffer.alloc(2_000_000));
    const beyond = await upload({}, Buffer.alloc(2_000_001));
    const farBeyond = await upload({}, Buffer.alloc(3_000_000));
    expect([atLimit.status, beyond.status, farBeyond.status]).toEqual([201, 413, 413]);
  });
});

describe('reading', () => {
  it('gives back the bytes, also of a file of many chunks', async () => {
    const noise = Buffer.concat(
      Array.from({ length: 50_000 }, (_, at) => createHash('sha256').update(String(at)).digest()),
    );
    const id = await uploaded('noise.bin', noise);
    const { status, bytes: got } = await call(instance, 'GET', `/api/now/attachment/${id}/file`);
    expect([status, got.equals(noise)]).toEqual([200, true]);
    expect(
      instance.state.store.count('sys_attachment_doc', { where: 't0.sys_attachment = ?', params: [id] }),
    ).toBe(3);
  });

  it('sends name, type and metadata in ASCII headers', async () => {
    const id = await uploaded('Grüße "1".txt');
    const { headers } = await call(instance, 'GET', `/api/now/attachment/${id}/file`, {
      headers: { accept: '*/*' },
    });
    expect(headers.get('content-type')).toBe('text/plain');
    expect(headers.get('content-disposition')).toBe(
      `attachment;filename="Gr__e _1_.txt";filename*=UTF-8''${encodeURIComponent('Grüße "1".txt')}`,
    );
    expect(JSON.parse(headers.get('x-attachment-metadata') ?? '')).toMatchObject({
      sys_id: id,
      file_name: 'Grüße "1".txt',
    });
  });

  it('lists by query, with a limit', async () => {
    const [first, second] = [await uploaded('list-1.txt'), await uploaded('list-2.txt')];
    const list = async (more: string) => {
      const { json, headers } = await call(
        instance,
        'GET',
        `/api/now/attachment?sysparm_query=file_nameSTARTSWITHlist-^ORDERBYDESCfile_name${more}`,
      );
      expect(headers.get('x-total-count')).toBe('2');
      return many.parse(json).result.map((row) => row['sys_id']);
    };
    expect(await list('')).toEqual([second, first]);
    expect(await list('&sysparm_limit=1&sysparm_offset=1')).toEqual([first]);
  });

  it('answers 404 for an attachment that is not there', async () => {
    const paths = ['', '/file', '/attributes'].map((end) => `/api/now/attachment/none${end}`);
    const statuses = await Promise.all(paths.map(async (path) => (await call(instance, 'GET', path)).status));
    expect(statuses).toEqual([404, 404, 404]);
  });
});

describe('changing', () => {
  it('renames', async () => {
    const id = await uploaded();
    const path = `/api/now/attachment/${id}`;
    const renamed = await call(instance, 'PATCH', path, { json: { file_name: 'new.txt' } });
    const unnamed = await call(instance, 'PATCH', path, { json: {} });
    expect([renamed.status, renamed.bytes.length, unnamed.status]).toEqual([204, 0, 400]);
    expect(metadata((await call(instance, 'GET', path)).json)).toMatchObject({
      file_name: 'new.txt',
      sys_mod_count: '2',
    });
  });

  it('deletes the file with its bytes and attributes', async () => {
    const id = await uploaded();
    const path = `/api/now/attachment/${id}`;
    await call(instance, 'POST', `${path}/attributes`, { json: { key: 'alt', value: 'x' } });
    const statuses = [await call(instance, 'DELETE', path), await call(instance, 'DELETE', path)];
    expect(statuses.map((answer) => answer.status)).toEqual([204, 404]);
    const { store } = instance.state;
    const left = [
      store.count('sys_attachment_doc', { where: 't0.sys_attachment = ?', params: [id] }),
      store.count('sys_attachment_attribute', { where: 't0.attachment = ?', params: [id] }),
    ];
    expect(left).toEqual([0, 0]);
  });

  it('goes with the record that it is on', async () => {
    const { store } = instance.state;
    store.seed('incident', { sys_id: 'i2', number: 'INC2' });
    const { sys_id: id = '' } = metadata((await upload({ table_sys_id: 'i2' })).json);
    const kept = await uploaded();
    await call(instance, 'DELETE', '/api/now/table/incident/i2');
    expect((await call(instance, 'GET', `/api/now/attachment/${id}`)).status).toBe(404);
    expect(store.findBy('sys_attachment_doc', 'sys_attachment', id)).toBeUndefined();
    expect((await call(instance, 'GET', `/api/now/attachment/${kept}`)).status).toBe(200);
  });

  it('keeps attributes', async () => {
    const path = `/api/now/attachment/${await uploaded()}/attributes`;
    const added = await call(instance, 'POST', path, { json: { key: 'alt', value: 'a' } });
    const again = await call(instance, 'POST', path, { json: { key: 'alt', value: 'b' } });
    await call(instance, 'POST', path, { json: { key: 'other', value: 'o' } });
    const changed = await call(instance, 'PUT', `${path}/alt`, { json: { value: 'c' } });
    const got = await call(instance, 'GET', `${path}/alt`);
    expect([added.status, again.status, changed.status, got.status]).toEqual([201, 400, 200, 200]);
    expect([added.json, changed.json, got.json]).toEqual([
      { result: { key: 'alt', value: 'a' } },
      { result: { key: 'alt', value: 'c' } },
      { result: { key: 'alt', value: 'c' } },
    ]);
    expect((await call(instance, 'GET', path)).json).toEqual({
      result: [
        { key: 'alt', value: 'c' },
        { key: 'other', value: 'o' },
      ],
    });
    expect((await call(instance, 'DELETE', `${path}/alt`)).status).toBe(204);
    expect((await call(instance, 'GET', `${path}/alt`)).status).toBe(404);
    expect((await call(instance, 'DELETE', path)).status).toBe(204);
    expect((await call(instance, 'GET', path)).json).toEqual({ result: [] });
  });
});

describe('rights', () => {
  it('hides attachments of records that one may not read, and keeps others from being changed', async () => {
    const { access } = instance.state.auth;
    const id = await uploaded();
    addAccount(instance.control.auth, { userName: 'ann', password: 'p', roles: ['itil'] });
    const as = { as: 'ann:p' };
    const path = `/api/now/attachment/${id}`;
    const statuses = async () => {
      const list = await call(instance, 'GET', `/api/now/attachment?sysparm_query=sys_id=${id}`, as);
      const got = await call(instance, 'GET', path, as);
      const renamed = await call(instance, 'PATCH', path, { ...as, json: { file_name: 'b.txt' } });
      return [many.parse(list.json).result.length, got.status, renamed.status];
    };
    const open = await statuses();
    access.add({ table: 'sys_attachment', operation: 'write', roles: [] });
    const seen = await statuses();
    access.add({ table: 'incident', operation: 'read', roles: ['other'] });
    const hidden = await statuses();
    access.clear();
    expect([open, seen, hidden]).toEqual([
      [1, 200, 204],
      [1, 200, 403],
      [0, 404, 404],
    ]);
  });
});
