import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deadlineAt, systemClock } from '../../../../lib/core/clock.ts';
import type { ServiceNowRequest } from '../../../../lib/servicenow/call.ts';
import { createServerClock, type WireRequest } from '../../../../lib/servicenow/transport/exchange.ts';
import { createTransport } from '../../../../lib/servicenow/transport/transport.ts';
import { json, scriptedServer } from '../scripted-server.ts';
import { basic, callContext, clientFor } from '../testing.ts';

const read: ServiceNowRequest = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' };
const write: ServiceNowRequest = {
  method: 'POST',
  path: '/api/now/table/incident',
  body: { a: 'b' },
  repeatable: 'never',
};

/** A server that speaks raw TCP: each connection is handed to the test. */
async function rawServer(serve: (socket: Socket, connection: number) => void) {
  let connections = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    connections += 1;
    serve(socket, connections);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server has no port');
  return { url: `http://127.0.0.1:${address.port}`, connections: () => connections };
}

const answer = (body = '{"result":[]}', more = '') =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;

/** A client, and a server that answers everything like this after a moment, on a clock that the test moves ahead. */
async function callsOnOneClock(text: string) {
  let skewMs = 0;
  const clock = { now: () => Date.now() + skewMs, sleep: systemClock.sleep };
  const { url, connections } = await rawServer((socket) =>
    socket.on('data', () => setTimeout(() => socket.write(text), 5)),
  );
  const client = clientFor({ instanceUrl: url, auth: basic }, { clock });
  const call = () => client.send(read, callContext({ deadline: deadlineAt(clock.now() + 60_000, clock) }));
  const skip = (ms: number) => {
    skewMs += ms;
  };
  return { call, skip, connections };
}

/** A transport to an address on loopback, without a client around it. */
function transportTo(url: string) {
  const { origin, hostname } = new URL(url);
  const transport = createTransport({
    address: { origin, hostname, listed: true },
    clock: systemClock,
    connections: 2,
    connectTimeoutMs: 5_000,
    maxBodyBytes: 1_000,
  });
  onTestFinished(() => transport.close());
  return transport;
}

const wireRead: WireRequest = { method: 'GET', path: '/', headers: {}, timeoutMs: 10_000 };

it('a transport that is retired ends the call in flight and closes its socket', async () => {
  const asked = Promise.withResolvers<Socket>();
  const closed = Promise.withResolvers<void>();
  const { url } = await rawServer((socket) => {
    socket.on('data', () => asked.resolve(socket));
    socket.on('close', () => closed.resolve());
  });
  const transport = transportTo(url);
  const call = transport.exchange(wireRead);
  const socket = await asked.promise;
  const retired = transport.retire();
  socket.write(answer());
  expect((await call).status).toBe(200);
  await retired;
  await closed.promise;
  await expect(transport.exchange(wireRead)).rejects.toMatchObject({ progress: 'nothing-sent' });
});

describe('the clock of an instance', () => {
  const nowMs = Date.parse('2026-03-01T12:00:00Z');
  const skewAfter = (...dates: (number | string | undefined)[]) => {
    const clock = createServerClock();
    for (const date of dates)
      clock.observe(typeof date === 'number' ? new Date(nowMs + date).toUTCString() : date, nowMs);
    return clock.skewMs();
  };

  it.each([
    ['none before the first answer', [], 0],
    ['none for what the resolution of the header explains', [1_000], 0],
    ['that of the answer, ahead', [2_000], 2_000],
    ['that of the answer, behind', [-600_000], -600_000],
    ['none any more once it is right again', [600_000, 0], 0],
    ['what it was where an answer has no date, or none that can be read', [5_000, undefined, 'soon'], 5_000],
  ])('has a skew: %s', (_, dates, skewMs) => {
    expect(skewAfter(...dates)).toBe(skewMs);
  });
});

describe('sockets to an instance', () => {
  it('undo gzip, in small answers and in large ones', async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => ({
      number: `INC${index}`,
      sys_id: String(index * 7_919),
    }));
    for (const result of [[{ a: 'ü' }], rows]) {
      const { url, seen } = await scriptedServer((response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
        response.end(gzipSync(JSON.stringify({ result })));
      });
      const { body } = await clientFor({ instanceUrl: url, auth: basic }).send(read, callContext());
      expect(body).toEqual({ result });
      expect(seen[0]?.headers['accept-encoding']).toBe('gzip');
    }
  });

  it('take an answer as it is that claims no encoding, or that has nothing to decode', async () => {
    const { url } = await scriptedServer((response, { method }) => {
      const encoding = method === 'GET' ? 'Identity' : 'gzip';
      response.writeHead(method === 'GET' ? 200 : 204, {
        'content-type': 'application/json',
        'content-encoding': encoding,
      });
      response.end(method === 'GET' ? '{"result":[1]}' : undefined);
    });
    const client = clientFor({ instanceUrl: url, auth: basic });
    expect((await client.send(read, callContext())).body).toEqual({ result: [1] });
    expect(await client.send(write, callContext())).toMatchObject({ status: 204, body: undefined });
  });

  it('take the headers of a page whose long query stands in every part of its Link', async () => {
    const link = `<https://i/api/now/table/incident?sysparm_query=${'x'.repeat(60_000)}>;rel="next"`;
    const { url } = await scriptedServer((response) => {
      response.writeHead(200, { 'content-type': 'application/json', link }).end('{"result":[]}');
    });
    const { headers } = await clientFor({ instanceUrl: url, auth: basic }).send(read, callContext());
    expect(headers['link']).toBe(link);
  });

  it.each([
    [-1, 'answered'],
    [0, 'RESPONSE_TOO_LARGE'],
  ])('take names and values of headers below 128 KiB: %i more are %s', async (more, expected) => {
    const others = 'content-type' + 'application/json' + 'content-length' + '13' + 'link';
    const link = 'x'.repeat(128 * 1024 - others.length + more);
    const { url } = await rawServer((socket) =>
      socket.on('data', () => socket.write(answer('{"result":[]}', `link: ${link}\r\n`))),
    );
    const call = clientFor({ instanceUrl: url, auth: basic }).send(read, callContext());
    expect(
      await call.then(
        () => 'answered',
        ({ code }) => code,
      ),
    ).toBe(expected);
  });

  it('give the transaction of an answer that names one', async () => {
    const texts = [answer('{"result":[]}', 'x-transaction-id: t1\r\n'), answer()];
    const { url } = await rawServer((socket) => socket.on('data', () => socket.write(texts.shift() ?? '')));
    const client = clientFor({ instanceUrl: url, auth: basic });
    expect(await client.send(read, callContext())).toHaveProperty('transactionId', 't1');
    expect(await client.send(read, callContext())).not.toHaveProperty('transactionId');
  });

  it('call headers beyond all bounds too large, and do not ask for them again', async () => {
    const { url, seen } = await scriptedServer((response) => {
      response.writeHead(200, { 'content-type': 'application/json', link: 'x'.repeat(200_000) }).end('{}');
    });
    await expect(
      clientFor({ instanceUrl: url, auth: basic }).send(read, callContext()),
    ).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' });
    expect(seen).toHaveLength(1);
  });

  it('give up an answer that is larger than allowed, also one that only grows so by decompression', async () => {
    const large = JSON.stringify({ result: 'x'.repeat(200_000) });
    for (const encode of [(text: string) => Buffer.from(text), gzipSync]) {
      const { url, seen } = await scriptedServer((response) => {
        const gzip = encode === gzipSync ? { 'content-encoding': 'gzip' } : {};
        response.writeHead(200, { 'content-type': 'application/json', ...gzip });
        response.end(encode(large));
      });
      const client = clientFor({ instanceUrl: url, auth: basic }, { maxBodyBytes: 100_000 });
      await expect(client.send(read, callContext())).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' });
      expect(seen).toHaveLength(1);
    }
  });

  it('take damaged compression for a lost answer', async () => {
    const { url } = await scriptedServer((response) => {
      response.writeHead(201, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end('this is not gzip');
    });
    const client = clientFor({ instanceUrl: url, auth: basic });
    await expect(client.send(write, callContext())).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  it('end an attempt that stalls, before the headers or within the body', async () => {
    for (const stalled of ['', answer().slice(0, -5)]) {
      const { url } = await rawServer((socket) => socket.on('data', () => socket.write(stalled)));
      const client = clientFor({ instanceUrl: url, auth: basic }, { attemptTimeoutMs: 60, maxAttempts: 1 });
      await expect(client.send(read, callContext())).rejects.toMatchObject({ code: 'ANSWER_LOST' });
      await expect(client.send(write, callContext())).rejects.toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        effect: 'unknown',
      });
    }
  });

  it('are not used once the deadline of the call has come', async () => {
    const { url, seen } = await scriptedServer((response) => json(response, 200, { result: [] }));
    const clock = { ...systemClock, now: () => 1_000 };
    const client = clientFor({ instanceUrl: url, auth: basic }, { clock });
    const call = client.send(read, callContext({ deadline: deadlineAt(1_000, clock) }));
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(seen).toEqual([]);
  });

  it('do not outlast the deadline of the call', async () => {
    const { url } = await rawServer(() => undefined);
    const client = clientFor({ instanceUrl: url, auth: basic });
    const started = performance.now();
    // Long enough for a busy machine to send the request.
    const deadline = deadlineAt(Date.now() + 2_000, systemClock);
    await expect(client.send(read, callContext({ deadline }))).rejects.toMatchObject({ code: 'ANSWER_LOST' });
    expect(performance.now() - started).toBeLessThan(50_000);
  });

  it('break off when the caller gives up', async () => {
    const caller = new AbortController();
    const closed = Promise.withResolvers<void>();
    const { url } = await rawServer((socket) => {
      socket.once('close', () => closed.resolve());
      socket.once('data', () => caller.abort());
    });
    const call = clientFor({ instanceUrl: url, auth: basic }).send(
      write,
      callContext({ signal: caller.signal }),
    );
    await expect(call).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    // Its socket waits for no answer any more.
    await closed.promise;
  });

  it('send a keyed write again at once when the server had closed the kept-alive socket', async () => {
    let requests = 0;
    const { url, connections } = await rawServer((socket) =>
      socket.on('data', () => {
        requests += 1;
        if (requests === 2) socket.destroy();
        else socket.write(answer('{"result":{}}'));
      }),
    );
    const client = clientFor(
      { instanceUrl: url, auth: basic },
      { backOff: { baseMs: 60_000, capMs: 60_000 }, random: () => 0.9 },
    );
    await client.send(read, callContext());
    const { attempts } = await client.send({ ...write, repeatable: 'keyed' }, callContext());
    expect({ attempts, requests, connections: connections() }).toEqual({
      attempts: 2,
      requests: 3,
      connections: 2,
    });
  });

  it('do not use a socket again that has been idle longer than the server keeps it, whatever timers did meanwhile', async () => {
    const { call, skip, connections } = await callsOnOneClock(
      answer(undefined, 'keep-alive: timeout=20\r\n'),
    );
    await call();
    skip(17_000);
    await call();
    expect(connections()).toBe(1);
    skip(19_000);
    await call();
    expect(connections()).toBe(2);
  });

  it('take a server that does not say how long it keeps a socket for one that keeps it for 15 seconds', async () => {
    const { call, skip, connections } = await callsOnOneClock(answer());
    await call();
    skip(14_900);
    await call();
    expect(connections()).toBe(1);
    skip(15_100);
    await call();
    expect(connections()).toBe(2);
  });

  it('are kept while calls follow each other, however long ago they were last all in use', async () => {
    const { call, skip, connections } = await callsOnOneClock(
      answer(undefined, 'keep-alive: timeout=20\r\n'),
    );
    await call();
    await Promise.all([call(), call()]);
    expect(connections()).toBe(2);
    for (let seconds = 0; seconds < 30; seconds += 1) {
      skip(900);
      await call();
    }
    expect(connections()).toBe(2);
  });

  it('do not use a socket again that was idle for long while another one was in use, and the process frozen', async () => {
    const { call, skip, connections } = await callsOnOneClock(
      answer(undefined, 'keep-alive: timeout=20\r\n'),
    );
    const callTwice = () => Promise.all([call(), call()]);
    await call();
    await callTwice();
    skip(10_000);
    await call();
    expect(connections()).toBe(2);
    skip(9_000);
    await callTwice();
    expect(connections()).toBe(4);
    skip(10_000);
    await callTwice();
    expect(connections()).toBe(4);
  });

  it('are counted from the beginning once the old ones were closed', async () => {
    const { call, skip, connections } = await callsOnOneClock(
      answer(undefined, 'keep-alive: timeout=20\r\n'),
    );
    await call();
    await Promise.all([call(), call()]);
    skip(19_000);
    await call();
    expect(connections()).toBe(3);
    skip(10_000);
    await call();
    expect(connections()).toBe(3);
  });

  it('open no more connections than calls may be in flight', async () => {
    const { url, connections } = await rawServer((socket) =>
      socket.on('data', () => setTimeout(() => socket.write(answer()), 20)),
    );
    const client = clientFor({ instanceUrl: url, auth: basic }, { maxInFlight: 3 });
    await Promise.all(Array.from({ length: 12 }, () => client.send(read, callContext())));
    expect(connections()).toBe(3);
  });

  it('are one for calls one after another, also after many were in flight at once', async () => {
    const served: number[] = [];
    const { url } = await rawServer((socket, connection) =>
      socket.on('data', () => {
        served.push(connection);
        socket.write(answer());
      }),
    );
    const client = clientFor({ instanceUrl: url, auth: basic });
    const socketsFor = async (calls: () => Promise<unknown>) => {
      served.length = 0;
      await calls();
      return new Set(served).size;
    };
    const oneAfterAnother = async () => {
      for (let call = 0; call < 10; call++) await client.send(read, callContext());
    };
    const atOnce = () => Promise.all(Array.from({ length: 40 }, () => client.send(read, callContext())));
    expect(await socketsFor(oneAfterAnother)).toBe(1);
    expect(await socketsFor(atOnce)).toBe(4);
    expect(await socketsFor(oneAfterAnother)).toBe(1);
  });

  it('follow no redirect, so that credentials go nowhere else', async () => {
    const other = await scriptedServer((response) => json(response, 200, { result: [] }));
    const { url } = await scriptedServer((response) => {
      response.writeHead(307, { location: `${other.url}/api` }).end();
    });
    const client = clientFor({ instanceUrl: url, auth: basic });
    await expect(client.send(write, callContext())).rejects.toMatchObject({
      code: 'NOT_SERVICENOW',
      status: 307,
    });
    expect(other.seen).toHaveLength(0);
  });

  it('neither keep cookies nor let a caller bring its own or other credentials', async () => {
    const { url, seen } = await scriptedServer((response) =>
      json(response, 200, { result: [] }, { 'set-cookie': 'JSESSIONID=1; Path=/' }),
    );
    const client = clientFor({ instanceUrl: url, auth: basic });
    const headers = {
      cookie: 'a=b',
      authorization: 'Basic eve',
      'x-usertoken': 'x',
      'x-sn-apikey': 'y',
      'x-custom': 'z',
    };
    await client.send({ ...read, headers }, callContext());
    await client.send(read, callContext());
    expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined]);
    expect(seen[0]?.headers).toMatchObject({
      authorization: expect.not.stringContaining('eve'),
      'x-custom': 'z',
    });
    expect(seen[0]?.headers).not.toHaveProperty('x-sn-apikey');
  });

  it('refuse a header that would break out of its line, without trying again', async () => {
    const { url, seen } = await scriptedServer((response) => json(response, 200, { result: [] }));
    const call = clientFor({ instanceUrl: url, auth: basic }).send(
      { ...read, headers: { 'x-a': 'b\r\nx-b: c' } },
      callContext(),
    );
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_FAILED', retryable: false, attempts: 1 });
    expect(seen).toHaveLength(0);
  });

  it('report that nothing was sent when no connection can be opened', async () => {
    // A port of its own that was closed may be another server's by now.
    const client = clientFor({ instanceUrl: 'http://127.0.0.1:9', auth: basic }, { maxAttempts: 2 });
    await expect(client.send(write, callContext())).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      sent: false,
      attempts: 2,
      effect: 'none',
    });
  });
});
