import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';
import { create, recordIn } from '../records.ts';

let instance: Instance;
let authorization: string;

beforeAll(async () => {
  instance = await startInstance();
  authorization = `Basic ${btoa(`${instance.username}:${instance.password}`)}`;
});
afterAll(() => instance.close());

const hasIpv6 = () =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));

const failure = (message: string, detail: string | null = null) => ({
  error: { message, detail },
  status: 'failure',
});

describe('headers of a request', () => {
  it('X-WantSessionDebugMessages adds the debug log of the session', async () => {
    const reply = await call(
      instance,
      'GET',
      '/api/now/table/incident?sysparm_limit=1&sysparm_fields=number',
      {
        headers: { 'X-WantSessionDebugMessages': 'true' },
      },
    );
    expect(reply.json).toEqual({
      result: [{ number: expect.any(String) }],
      session: { debug_logs: [] },
    });
  });
});

describe('headers of an answer', () => {
  it('are those of an instance', async () => {
    const { headers } = await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1');
    expect(Object.fromEntries(headers)).toMatchObject({
      server: 'ServiceNow',
      'content-type': 'application/json;charset=UTF-8',
      'x-is-logged-in': 'true',
      'x-transaction-id': expect.stringMatching(/^[0-9a-f]{12}$/),
      'server-timing': expect.stringContaining('sem_wait;dur='),
      pragma: 'no-store,no-cache',
      'cache-control': 'no-cache,no-store,must-revalidate,max-age=-1',
      expires: '0',
      'x-content-type-options': 'nosniff',
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
      'transfer-encoding': 'chunked',
      'keep-alive': 'timeout=20',
    });
    const cookies = headers.getSetCookie().map((cookie) => cookie.split('=')[0]);
    expect(cookies).toEqual(
      expect.arrayContaining(['JSESSIONID', 'glide_user', 'glide_user_route', 'glide_session_store']),
    );
  });

  it('carry no X-Total-Count for one record', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const reply = await call(instance, 'GET', `/api/now/table/incident/${sys_id}`);
    expect(reply.headers.get('x-total-count')).toBeNull();
  });

  it('on a 401 ask for Basic and say nothing of being logged in', async () => {
    const reply = await call(instance, 'GET', '/api/now/table/incident', { as: '' });
    expect([reply.status, reply.json]).toEqual([
      401,
      failure('User Not Authenticated', 'Required to provide Auth information'),
    ]);
    expect(reply.headers.get('www-authenticate')).toBe('Basic realm="Service-now"');
    expect(reply.headers.get('connection')).toBe('close');
    expect(reply.headers.get('x-is-logged-in')).toBeNull();
  });
});

describe('paths', () => {
  it.each([
    '//',
    '/api/now/v9/table/incident',
    '/api/now/table/%E0%A4%A',
    '/api/now/nothing',
    '/api/now/table',
    '/api/other/x',
    '/api/now/table/incident/a/b',
    '/',
  ])('%s leads nowhere: 400', async (path) => {
    const reply = await call(instance, 'GET', path);
    expect([reply.status, reply.json]).toEqual([
      400,
      failure('Requested URI does not represent any resource'),
    ]);
  });

  it.each(['', '/v1', '/v2'])('work with version segment "%s", which links repeat', async (version) => {
    const { sys_id } = await create(instance, 'incident', {});
    const reply = await call(instance, 'GET', `/api/now${version}/table/incident/${sys_id}`);
    const openedBy = recordIn(reply)['opened_by'];
    expect(openedBy).toMatchObject({ link: expect.stringContaining(`/api/now${version}/table/sys_user/`) });
  });
});

describe('methods', () => {
  it('that a path does not know are refused with 405', async () => {
    const reply = await call(instance, 'DELETE', '/api/now/table/incident');
    expect([reply.status, reply.json]).toEqual([405, failure('Method Not Allowed')]);
    expect(reply.headers.get('allow')).toBe('GET, POST');
  });

  it('HEAD answers as GET without a body', async () => {
    const reply = await call(instance, 'HEAD', '/api/now/table/incident?sysparm_limit=1');
    expect([reply.status, reply.text]).toEqual([200, '']);
    expect(reply.headers.get('x-total-count')).toMatch(/^\d+$/);
    expect(reply.headers.get('content-type')).toBe('application/json;charset=UTF-8');
  });

  it('X-http-method-override lets a POST stand for another', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const path = `/api/now/table/incident/${sys_id}`;
    const headers = { 'X-HTTP-Method-Override': 'PATCH' };
    const reply = await call(instance, 'POST', path, { json: { description: 'patched' }, headers });
    expect([reply.status, recordIn(reply)['description']]).toEqual([200, 'patched']);
  });
});

describe('formats', () => {
  it('zips when the caller accepts gzip, and only then', async () => {
    const url = `${instance.url}/api/now/table/incident?sysparm_limit=5`;
    const zipped = await request(url, { headers: { authorization, 'accept-encoding': 'gzip, deflate' } });
    const plain = await request(url, { headers: { authorization } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(plain.headers['content-encoding']).toBeUndefined();
    const bytes = Buffer.from(await zipped.body.arrayBuffer());
    expect(JSON.parse(gunzipSync(bytes).toString())).toEqual(await plain.body.json());
  });

  it('answers XML to who asks for XML', async () => {
    const { sys_id } = await create(instance, 'incident', { short_description: 'a < b & c' });
    const reply = await call(
      instance,
      'GET',
      `/api/now/table/incident/${sys_id}?sysparm_fields=short_description,state,category,opened_by&sysparm_display_value=all`,
      { headers: { Accept: 'application/xml' } },
    );
    expect(reply.headers.get('content-type')).toBe('application/xml;charset=UTF-8');
    expect(reply.text).toContain('<response><result>');
    expect(reply.text).toContain('<value>a &lt; b &amp; c</value>');
    expect(reply.text).toMatch(
      /<opened_by><display_value>Integration User<\/display_value><link>http.*<\/link>/,
    );
  });

  it('repeats <result> for every record of a list', async () => {
    const reply = await call(
      instance,
      'GET',
      '/api/now/table/incident?sysparm_limit=3&sysparm_fields=number',
      {
        headers: { Accept: 'application/xml' },
      },
    );
    expect(reply.text.match(/<result><number>INC\d+<\/number><\/result>/g)).toHaveLength(3);
  });

  it('gives errors as XML too', async () => {
    const reply = await call(instance, 'GET', '/api/now/table/u_none', {
      headers: { Accept: 'application/xml' },
    });
    expect(reply.text).toContain(
      '<response><error><message>Invalid table u_none</message><detail/></error><status>failure</status></response>',
    );
  });

  it.each(['application/xml', 'Text/XML; Charset="UTF-8"'])('reads XML bodies: %s', async (type) => {
    const reply = await fetch(`${instance.url}/api/now/table/incident`, {
      method: 'POST',
      headers: { authorization, 'content-type': type, accept: 'APPLICATION/JSON, application/xml' },
      body: '<request><entry><short_description>007 &amp; co</short_description><impact>1</impact></entry></request>',
    });
    expect(await reply.json()).toMatchObject({ result: { short_description: '007 & co', impact: '1' } });
  });

  it.each([
    'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
    '*/*',
    'application/json, text/plain, */*',
    'Application/JSON',
    'TEXT/*',
  ])('takes Accept: %s', async (accept) => {
    const reply = await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1', {
      headers: { Accept: accept },
    });
    expect(reply.status).toBe(200);
  });

  it.each(['table/incident', 'stats/incident', 'attachment', 'import/imp_computer/x'])(
    'refuses an Accept it cannot serve with 406: %s',
    async (path) => {
      const reply = await call(instance, 'GET', `/api/now/${path}`, { headers: { Accept: 'text/csv' } });
      expect([reply.status, reply.json]).toEqual([406, failure('Not Acceptable')]);
    },
  );

  it.each(['table/incident', 'import/imp_computer', 'import/imp_computer/insertMultiple', 'v1/batch'])(
    'refuses a body that is neither JSON nor XML with 415: %s',
    async (path) => {
      const reply = await call(instance, 'POST', `/api/now/${path}`, { form: { short_description: 'x' } });
      expect([reply.status, reply.json]).toEqual([415, failure('Unsupported Media Type')]);
    },
  );

  it.each(['import/imp_computer/insertMultiple', 'v1/batch'])(
    'takes nothing but JSON on %s',
    async (path) => {
      const reply = await call(instance, 'POST', `/api/now/${path}`, {
        body: '<request/>',
        headers: { 'Content-Type': 'application/xml' },
      });
      expect(reply.status).toBe(415);
    },
  );
});

describe('bodies', () => {
  it('that do not parse are refused with 400', async () => {
    const reply = await fetch(`${instance.url}/api/now/table/incident`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"short_description":',
    });
    expect([reply.status, await reply.json()]).toEqual([
      400,
      failure('Exception while reading request', expect.any(String)),
    ]);
  });

  it.each(['null', '"text"', '7', '[]', '["text"]'])(
    'that are no record are refused with 400: %s',
    async (body) => {
      const count = () => instance.state.store.count('incident');
      const before = count();
      const headers = { 'Content-Type': 'application/json' };
      const reply = await call(instance, 'POST', '/api/now/table/incident', { body, headers });
      expect([reply.status, reply.json, count()]).toEqual([
        400,
        failure('Exception while reading request', 'The payload is no record'),
        before,
      ]);
    },
  );

  it('over 10 MB are refused with the recorded text', async () => {
    const json = { description: 'x'.repeat(10_485_760) };
    const reply = await call(instance, 'POST', '/api/now/table/incident', { json });
    const length = JSON.stringify(json).length;
    expect([reply.status, reply.json]).toEqual([
      400,
      failure(
        'Exception while reading request',
        `Rejected large REST payload with content-length = ${length} bytes. Max allowed: 10485760 bytes.`,
      ),
    ]);
  });

  it('keep every character of UTF-8', async () => {
    const text = 'Überlauf — 東京 🚒 "quoted" \\ \u2028';
    const { sys_id } = await create(instance, 'incident', { description: text });
    const reply = await call(instance, 'GET', `/api/now/table/incident/${sys_id}`);
    expect(recordIn(reply)['description']).toBe(text);
  });
});

describe('a fault of the emulator itself', () => {
  it('is answered as 500 and traced for the operator', async () => {
    const traced = vi.spyOn(console, 'error').mockImplementation(() => {});
    const select = vi.spyOn(instance.state.store, 'find').mockImplementation(() => {
      throw new Error('broken');
    });
    const reply = await call(instance, 'GET', '/api/now/table/incident/x');
    select.mockRestore();
    expect([reply.status, reply.json]).toEqual([
      500,
      failure('broken', expect.stringMatching(/^Check logs for error trace/)),
    ]);
    expect(traced).toHaveBeenCalledWith(expect.objectContaining({ message: 'broken' }));
    traced.mockRestore();
  });
});

describe('connections', () => {
  it.runIf(hasIpv6())('are taken on IPv6 too', async () => {
    const overIpv6 = await startInstance({ demoData: false, host: '::1' });
    expect((await call(overIpv6, 'GET', '/api/now/table/incident')).status).toBe(200);
    await overIpv6.close();
  });

  it('are kept alive and survive a request that is cut short', async () => {
    const socket = connect(Number(new URL(instance.url).port), '127.0.0.1');
    socket.write('POST /api/now/table/incident HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{');
    await new Promise<void>((resolve) => socket.end(() => resolve()));
    expect((await call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1')).status).toBe(200);
  });
});

describe('URLs', () => {
  it('may be long, up to where the answer is a page of HTML', async () => {
    const long = (length: number) => `/api/now/table/incident?sysparm_query=number=${'x'.repeat(length)}`;
    const accepted = await call(instance, 'GET', long(50_000));
    const refused = await call(instance, 'GET', long(70_000));
    const longPath = await call(instance, 'GET', `/api/now/table/${'x'.repeat(10_000)}`);
    expect([accepted.status, refused.status, longPath.status]).toEqual([200, 414, 414]);
    expect(refused.headers.get('content-type')).toContain('text/html');
  });
});
