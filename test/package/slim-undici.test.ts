import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleOptions } from '../../deploy/bundle.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { createTransport } from '../../lib/servicenow/transport/transport.ts';
import { createAuthority } from '../lib/servicenow/transport/certificates.ts';

type TransportModule = { readonly createTransport: typeof createTransport };

let folder: string;
let transport: TransportModule;
let ca: string;
const closers: (() => void)[] = [];
const proxied: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slim-undici-'));
  const entry = join(import.meta.dirname, '../../lib/servicenow/transport/transport.ts');
  await build({ ...bundleOptions, entryPoints: { transport: entry }, outdir: folder });
  transport = await import(join(folder, 'transport.mjs'));
});
afterAll(async () => {
  for (const close of closers) close();
  await rm(folder, { recursive: true });
});

/** An HTTPS server that would rather speak HTTP/2. */
async function startServer(): Promise<URL> {
  const authority = await createAuthority('slim');
  ca = authority.cert;
  const server = createSecureServer(
    { ...(await authority.issue('127.0.0.1')), allowHTTP1: true },
    (request, response) => {
      response.setHeader('content-type', 'text/plain');
      response.end(`${request.method} ${request.url} over HTTP/${request.httpVersion}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return new URL(`https://127.0.0.1:${portOf(server)}`);
}

async function startProxy(): Promise<string> {
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    proxied.push(request.url ?? '');
    const [host, port] = (request.url ?? '').split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closers.push(() => proxy.closeAllConnections());
  closers.push(() => proxy.close());
  return `http://127.0.0.1:${portOf(proxy)}`;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server on TCP has a port');
  return address.port;
}

async function exchange(origin: URL, proxyUrl?: string): Promise<string> {
  const opened = transport.createTransport({
    address: { origin: origin.origin, hostname: origin.hostname, listed: true },
    clock: systemClock,
    tls: { ca },
    proxyUrl,
    connections: 1,
    connectTimeoutMs: 5000,
    maxBodyBytes: 1024,
  });
  try {
    const { body } = await opened.exchange({ method: 'GET', path: '/a', headers: {}, timeoutMs: 5000 });
    return Buffer.from(body).toString();
  } finally {
    await opened.close();
  }
}

describe('the bundled HTTP client', () => {
  it('speaks HTTP/1.1 to a server that prefers HTTP/2, directly and through a proxy', async () => {
    const origin = await startServer();
    expect(await exchange(origin)).toBe('GET /a over HTTP/1.1');
    expect(await exchange(origin, await startProxy())).toBe('GET /a over HTTP/1.1');
    expect(proxied).toEqual([origin.host]);
  });

  it('cannot be built with a name that it does not hold', async () => {
    const source = { contents: `export { MockAgent } from 'undici';`, resolveDir: import.meta.dirname };
    await expect(
      build({ ...bundleOptions, stdin: source, outdir: folder, write: false, logLevel: 'silent' }),
    ).rejects.toThrow('No matching export');
  });
});
