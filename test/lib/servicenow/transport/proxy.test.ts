import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deadlineAt, systemClock } from '../../../../lib/core/clock.ts';
import { chooseProxy } from '../../../../lib/servicenow/address.ts';
import { json, scriptedServer } from '../scripted-server.ts';
import { basic, callContext, clientFor } from '../testing.ts';
import { createAuthority } from './certificates.ts';

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;
const host = 'snow.example.com';

/** A forward proxy: takes CONNECT, asks for `authorization` when given, and leads every tunnel to `targetPort`. */
async function forwardProxy(targetPort: number, authorization?: string, tls?: ServerOptions) {
  const asked: { target: string | undefined; headers: IncomingMessage['headers'] }[] = [];
  const sockets = new Set<Socket | Duplex>();
  const server = tls ? createTlsServer(tls) : createServer();
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    asked.push({ target: request.url, headers: request.headers });
    if (authorization && request.headers['proxy-authorization'] !== authorization) {
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    }
    const target = connect(targetPort, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the proxy has no port');
  return { port: address.port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`, asked, server };
}

async function tlsInstance() {
  const authority = await createAuthority('private');
  const server = await scriptedServer(
    (response) => json(response, 200, { result: [] }),
    await authority.issue(host),
  );
  return { ...server, ca: authority.cert };
}

describe('a forward proxy', () => {
  it('carries calls in a tunnel, so that it sees neither credentials nor content', async () => {
    const { port, seen, ca } = await tlsInstance();
    const proxy = await forwardProxy(
      port,
      `Basic ${Buffer.from('proxy-user:proxy pass').toString('base64')}`,
    );
    const proxyUrl = `http://proxy-user:proxy%20pass@127.0.0.1:${proxy.port}`;
    const client = clientFor(
      { instanceUrl: `https://${host}`, auth: basic, tls: { ca }, proxyUrl },
      { allowedHosts: [host] },
    );
    await client.send(read, callContext());
    await client.send(read, callContext());
    expect(seen).toHaveLength(2);
    expect(proxy.asked.map(({ target }) => target)).toEqual([`${host}:443`]);
    expect(proxy.asked[0]?.headers).not.toHaveProperty('authorization');
  });

  it('carries the call for a token in the same tunnel', async () => {
    const authority = await createAuthority('private');
    const { port, seen } = await scriptedServer(
      (response) => json(response, 200, { access_token: 't', token_type: 'Bearer', result: [] }),
      await authority.issue(host),
    );
    const proxy = await forwardProxy(port);
    const auth = { type: 'oauth-client-credentials', clientId: 'c', clientSecret: 's' } as const;
    const secret = { instanceUrl: `https://${host}`, auth, tls: { ca: authority.cert }, proxyUrl: proxy.url };
    await clientFor(secret, { allowedHosts: [host] }).send(read, callContext());
    expect(seen.map(({ url }) => url)).toEqual(['/oauth_token.do', read.path]);
    expect(proxy.asked.map(({ target }) => target)).toEqual([`${host}:443`]);
  });

  it('is taken from HTTPS_PROXY, and left out for hosts in NO_PROXY', async () => {
    const { port, seen, ca } = await tlsInstance();
    const proxy = await forwardProxy(port);
    const secret = { instanceUrl: `https://${host}`, auth: basic, tls: { ca } };
    const allowedHosts = [host];
    await clientFor(secret, { allowedHosts, proxyEnvironment: { HTTPS_PROXY: proxy.url } }).send(
      read,
      callContext(),
    );
    expect({ seen: seen.length, tunnels: proxy.asked.length }).toEqual({ seen: 1, tunnels: 1 });
    const direct = { HTTPS_PROXY: proxy.url, NO_PROXY: '.example.com' };
    const lookup = Object.assign(
      (_host: string, _options: unknown, callback: (error: Error, address: string) => void) =>
        callback(new Error('direct'), ''),
    );
    const exempt = clientFor(secret, { allowedHosts, proxyEnvironment: direct, lookup, maxAttempts: 1 });
    await expect(exempt.send(read, callContext())).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(proxy.asked).toHaveLength(1);
  });

  it('still checks the instance’s certificate', async () => {
    const { port, seen } = await tlsInstance();
    const proxy = await forwardProxy(port);
    const client = clientFor(
      { instanceUrl: `https://${host}`, auth: basic, proxyUrl: proxy.url },
      { allowedHosts: [host] },
    );
    await expect(client.send(read, callContext())).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      retryable: false,
      sent: false,
    });
    expect(seen).toHaveLength(0);
  });

  it('that is spoken to by TLS may be signed by the private authority, and never sees our certificate', async () => {
    const authority = await createAuthority('private');
    const { port, seen } = await scriptedServer((response) => json(response, 200, { result: [] }), {
      ...(await authority.issue(host)),
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const shown: boolean[] = [];
    const proxy = await forwardProxy(port, undefined, {
      ...(await authority.issue('127.0.0.1')),
      requestCert: true,
      rejectUnauthorized: false,
    });
    proxy.server.on('secureConnection', (socket: TLSSocket) =>
      shown.push(Object.keys(socket.getPeerCertificate()).length > 0),
    );
    const tls = { ...(await authority.issue('integration.user')), ca: authority.cert };
    const secret = { instanceUrl: `https://${host}`, auth: basic, tls, proxyUrl: proxy.url };
    await clientFor(secret, { allowedHosts: [host] }).send(read, callContext());
    expect({ seen: seen.length, shown }).toEqual({ seen: 1, shown: [false] });
  });

  it('that is spoken to by TLS has its certificate checked, whatever the environment says', async () => {
    const { port, ca, seen } = await tlsInstance();
    const proxy = await forwardProxy(
      port,
      undefined,
      await (await createAuthority('other')).issue('127.0.0.1'),
    );
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    });
    const proxyUrl = proxy.url.replace('//', '//user:secret@');
    const client = clientFor(
      { instanceUrl: `https://${host}`, auth: basic, tls: { ca }, proxyUrl },
      { allowedHosts: [host] },
    );
    await expect(client.send(read, callContext())).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      retryable: false,
    });
    expect({ seen, asked: proxy.asked }).toEqual({ seen: [], asked: [] });
  });

  it('that takes a CONNECT and says nothing is given up after the connect time-out', async () => {
    const silent = createTcpServer((socket) => void socket.on('error', () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const proxyUrl = `http://127.0.0.1:${Object(silent.address()).port}`;
    const secret = { instanceUrl: `https://${host}`, auth: basic, proxyUrl };
    const client = clientFor(secret, { allowedHosts: [host], connectTimeoutMs: 60, maxAttempts: 1 });
    // Longer than the test may take.
    const deadline = deadlineAt(Date.now() + 3_600_000, systemClock);
    await expect(client.send(read, callContext({ deadline }))).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      sent: false,
    });
  });

  it.each([
    ['refuses us', 'the proxy refused the tunnel (407)', 1],
    ['is away', 'ECONNREFUSED', 2],
  ])('that %s is reported as such, and nothing was sent', async (how, said, attempts) => {
    const { port, ca } = await tlsInstance();
    const proxy = await forwardProxy(port, 'Basic something-else');
    const proxyUrl = how === 'is away' ? 'http://127.0.0.1:1' : proxy.url;
    const secret = { instanceUrl: `https://${host}`, auth: basic, tls: { ca }, proxyUrl };
    const call = clientFor(secret, { allowedHosts: [host], maxAttempts: 2 }).send(read, callContext());
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_FAILED', sent: false, attempts });
    await expect(call).rejects.toThrow(said);
  });
});

describe('choosing a proxy', () => {
  const environment = {
    HTTPS_PROXY: 'http://upper',
    https_proxy: 'http://lower',
    HTTP_PROXY: 'proxy:8080',
    http_proxy: 'http://plain',
  };
  const https = 'https://dev1.service-now.com';

  it('prefers the connection’s own, then the lower-case variable, and never one for this machine', () => {
    expect(chooseProxy(https, 'http://own', { ...environment, NO_PROXY: '*' })).toBe('http://own');
    expect(chooseProxy(https, undefined, environment)).toBe('http://lower');
    for (const local of ['http://127.0.0.1:80', 'http://localhost:80', 'https://localhost'])
      expect(chooseProxy(local, undefined, environment)).toBeUndefined();
    expect(chooseProxy(https, undefined, {})).toBeUndefined();
  });

  it.each(['socks5://127.0.0.1:1080', 'proxy:3128', 'http://user:canary%zz@proxy:3128'])(
    'refuses %j by its setting, not its value',
    (url) => {
      const refused = (setting: string) =>
        expect.objectContaining({
          code: 'CONFIGURATION_INVALID',
          setting,
          message: expect.not.stringContaining('canary'),
        });
      expect(() => chooseProxy(https, url, {})).toThrow(refused('secret.proxyUrl'));
      expect(() => chooseProxy(https, undefined, { https_proxy: url })).toThrow(refused('HTTPS_PROXY'));
    },
  );

  it.each([
    ['*', true],
    ['dev1.service-now.com', true],
    ['service-now.com', true],
    ['.service-now.com', true],
    ['*.service-now.com', true],
    ['other.com, DEV1.service-now.com:443', true],
    ['dev1.service-now.com:8443', false],
    ['now.com', false],
    ['1.service-now.com', false],
    ['', false],
  ])('NO_PROXY=%j exempts dev1.service-now.com: %s', (noProxy, exempt) => {
    expect(chooseProxy(https, undefined, { ...environment, no_proxy: noProxy }) === undefined).toBe(exempt);
  });
});
