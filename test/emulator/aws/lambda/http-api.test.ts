import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LambdaHost } from '../../../../emulator/aws/lambda/host.ts';
import { type Fixture, packFunctions } from './fixture.ts';

let fixture: Fixture;
let host: LambdaHost;

beforeAll(async () => {
  fixture = await packFunctions({
    echo: {
      source: `export const handler = async (event) => ({ statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) });`,
      routes: ['GET /items/{id}', 'GET /items/special', 'POST /items', 'PUT /items/{id}/parts/{part}'],
    },
    answer: {
      source: `export const handler = async ({ body }) => { const answerSpec = JSON.parse(body); if (answerSpec === 'throw') throw new Error('secret detail'); return answerSpec; };`,
      routes: ['POST /answer'],
    },
    slow: {
      source: `export const handler = () => new Promise((resolve) => setTimeout(resolve, 2000));`,
      routes: ['GET /slow'],
      integrationTimeoutMs: 100,
    },
  });
  host = await fixture.start();
});
afterAll(() => fixture.dispose());

async function call(path: string, options: Parameters<typeof request>[1] = {}) {
  const { statusCode, headers, body } = await request(`${host.apiUrl}${path}`, options);
  return { status: statusCode, headers, bytes: Buffer.from(await body.arrayBuffer()) };
}

async function eventOf(path: string, options: Parameters<typeof request>[1] = {}) {
  return JSON.parse((await call(path, options)).bytes.toString());
}

describe('the event that a function gets', () => {
  it('carries the decoded path, the raw query and its path variables', async () => {
    const event = await eventOf('/items/a%20b?q=x%3D1&q=2&empty=');
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'GET /items/{id}',
      rawPath: '/items/a b',
      rawQueryString: 'q=x%3D1&q=2&empty=',
      queryStringParameters: { q: 'x=1,2', empty: '' },
      pathParameters: { id: 'a b' },
      requestContext: { stage: '$default', http: { method: 'GET', path: '/items/a b' } },
      isBase64Encoded: false,
    });
  });

  it('has no query, path variables, cookies or body when the request has none', async () => {
    const event = await eventOf('/items/special');
    expect(event.routeKey).toBe('GET /items/special');
    for (const absent of ['queryStringParameters', 'pathParameters', 'cookies', 'body'])
      expect(event).not.toHaveProperty(absent);
  });

  it('joins repeated headers with a comma and takes cookies out of them', async () => {
    const headers = ['x-many', 'one', 'X-Many', 'two', 'cookie', 'a=1; b=2'];
    const event = await eventOf('/items/1', { headers });
    expect(event.headers['x-many']).toBe('one, two');
    expect(event.headers).not.toHaveProperty('cookie');
    expect(event.cookies).toEqual(['a=1', 'b=2']);
  });

  it.each([
    ['application/json; charset=utf-8', false],
    ['text/csv', false],
    ['application/xml', false],
    ['application/octet-stream', true],
    ['application/x-www-form-urlencoded', true],
    [undefined, true],
  ])('gives a body of type %s as base64: %s', async (type, isBase64Encoded) => {
    const event = await eventOf('/items', {
      method: 'POST',
      body: Buffer.from('{"a":"ü"}'),
      headers: type === undefined ? {} : { 'content-type': type },
    });
    expect(event.isBase64Encoded).toBe(isBase64Encoded);
    expect(Buffer.from(event.body, isBase64Encoded ? 'base64' : 'utf8').toString()).toBe('{"a":"ü"}');
  });

  it('describes the caller as an IAM-authorized API would', async () => {
    const event = await eventOf('/items/1');
    expect(event.requestContext.authorizer.iam.userArn).toBe('arn:aws:iam::123456789012:user/local');
    expect(event.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  });
});

describe('the answer that a caller gets', () => {
  const answer = (answerSpec: unknown) =>
    call('/answer', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(answerSpec),
    });

  it('has the status, headers, cookies and body that the function returned', async () => {
    const { status, headers, bytes } = await answer({
      statusCode: 201,
      headers: { 'X-One': 'a', 'Content-Length': 999 },
      cookies: ['a=1; Path=/', 'b=2'],
      body: 'made',
    });
    expect([status, headers['x-one'], bytes.toString()]).toEqual([201, 'a', 'made']);
    expect(headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2']);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  it('decodes a base64 body to its bytes', async () => {
    const bytes = Buffer.from([0, 255, 1, 254]);
    const answered = await answer({ statusCode: 200, body: bytes.toString('base64'), isBase64Encoded: true });
    expect(answered.bytes).toEqual(bytes);
  });

  it('is JSON with status 200 for whatever has no status of its own', async () => {
    const { status, headers, bytes } = await answer({ any: ['thing'] });
    expect([status, headers['content-type'], bytes.toString()]).toEqual([
      200,
      'application/json',
      '{"any":["thing"]}',
    ]);
  });

  it.each([
    ['throws', 'throw'],
    ['returns a body that is no string', { statusCode: 200, body: { a: 1 } }],
  ])('is 500 without any detail for a function that %s', async (_, answerSpec) => {
    const { status, bytes } = await answer(answerSpec);
    expect([status, bytes.toString()]).toEqual([500, '{"message":"Internal Server Error"}']);
  });

  it('is 404 for a path or a method without a route', async () => {
    for (const answered of [await call('/nothing'), await call('/items/1', { method: 'DELETE' })])
      expect([answered.status, answered.bytes.toString()]).toEqual([404, '{"message":"Not Found"}']);
  });

  it('is 503 when the integration takes too long', async () => {
    const { status, bytes } = await call('/slow');
    expect([status, bytes.toString()]).toEqual([503, '{"message":"Service Unavailable"}']);
  });

  it('is 413 for a request that is larger than an event may be', async () => {
    const body = Buffer.alloc(6 * 1024 * 1024);
    const { status } = await call('/items', { method: 'POST', body });
    expect(status).toBe(413);
  });

  it('is 431 for a request line and headers of more than 10 KB together', async () => {
    const both = await call(`/items?q=${'x'.repeat(9_900)}`, { headers: { 'x-more': 'y'.repeat(400) } });
    const wide = await call('/items', {
      headers: { 'x-wide': 'x'.repeat(9_900), 'x-more': 'y'.repeat(400) },
    });
    expect([both.status, wide.status]).toEqual([431, 431]);
    expect(both.bytes.toString()).toBe('{"message":"Request Header Fields Too Large"}');
    expect((await call(`/items?q=${'x'.repeat(9_000)}`)).status).not.toBe(431);
  });

  it.each([10_300, 23_000, 200_000])(
    'is a page with 414 for a request line that is too long by itself (%i characters)',
    async (length) => {
      const { status, headers, bytes } = await call(`/${'A'.repeat(length)}`);
      expect([status, headers['content-type']]).toEqual([414, 'text/html']);
      expect(bytes.toString()).toMatch(/^<html>/);
    },
  );
});
