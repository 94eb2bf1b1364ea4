import type { LookupFunction } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { isPublic, publicOnly } from '../../../../lib/servicenow/transport/dispatcher.ts';
import { ForbiddenAddressError } from '../../../../lib/servicenow/transport/exchange.ts';
import { createTransport } from '../../../../lib/servicenow/transport/transport.ts';
import { json, scriptedServer } from '../scripted-server.ts';
import { basic, callContext, clientFor } from '../testing.ts';
import { createAuthority } from './certificates.ts';

/** Answers each look-up with the next of the addresses. */
function answering(...addresses: readonly string[]): LookupFunction & { readonly asked: string[] } {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, options, callback) => {
    const address = addresses[Math.min(asked.push(hostname), addresses.length) - 1] ?? '';
    const family = address.includes(':') ? 6 : 4;
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
  return Object.assign(lookup, { asked });
}

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;

describe('an address', () => {
  it.each(['93.184.216.34', '2606:2800:220:1::1', '64:ff9b::5db8:d822'])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true);
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    '::ffff:10.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::a00:1',
    'ff02::1',
    '::7f00:1',
    '::a9fe:a9fe',
    '::ffff:0:7f00:1',
    '2002:a00:1::',
    'fec0::1',
    'fe80::1%eth0',
    '0177.0.0.1',
    '2130706433',
    'nonsense',
  ])('%s is not', (address) => {
    expect(isPublic(address)).toBe(false);
  });
});

describe('connecting by name', () => {
  it.each(['10.0.0.5', '169.254.169.254', '::1', '::ffff:127.0.0.1'])(
    'is refused when the name resolves to %s',
    async (address) => {
      const lookup = answering(address);
      const client = clientFor({ instanceUrl: 'https://dev1.service-now.com', auth: basic }, { lookup });
      const error = client.send(read, callContext());
      await expect(error).rejects.toMatchObject({ code: 'CONNECTION_FAILED', retryable: false, sent: false });
      await expect(error).rejects.toThrow('not public');
      expect(lookup.asked).toHaveLength(1);
    },
  );

  it('is checked each time, so that a name cannot become private after it was found public', async () => {
    const lookup = publicOnly(answering('93.184.216.34', '10.0.0.5'));
    const resolve = () =>
      new Promise<unknown>((resolve) =>
        lookup('dev1.service-now.com', { all: true }, (error, found) => resolve(error ?? found)),
      );
    expect(await resolve()).toEqual([{ address: '93.184.216.34', family: 4 }]);
    expect(await resolve()).toBeInstanceOf(Error);
  });

  it('opens no socket to the private address that a name changes to', async () => {
    const authority = await createAuthority('private');
    const hostname = 'dev1.service-now.com';
    const { port, server } = await scriptedServer(
      (response) => json(response, 200, { result: [] }),
      await authority.issue(hostname),
    );
    let sockets = 0;
    server.on('connection', () => {
      sockets += 1;
    });
    const exchangeBy = (lookup: LookupFunction, listed: boolean) => {
      const address = { origin: `https://${hostname}:${port}`, hostname, listed };
      const limits = { connections: 1, connectTimeoutMs: 200, maxBodyBytes: 1_000 };
      const tls = { ca: authority.cert };
      const transport = createTransport({ address, clock: systemClock, tls, lookup, ...limits });
      onTestFinished(() => transport.close());
      return () => transport.exchange({ method: 'GET', path: '/', headers: {}, timeoutMs: 2_000 });
    };
    // 4000::1 is public by its range, but it is not assigned.
    const exchange = exchangeBy(answering('4000::1', '127.0.0.1'), false);
    await expect(exchange()).rejects.not.toMatchObject({ cause: expect.any(ForbiddenAddressError) });
    await expect(exchange()).rejects.toMatchObject({ cause: expect.any(ForbiddenAddressError) });
    expect(sockets).toBe(0);
    const { status } = await exchangeBy(answering('127.0.0.1'), true)();
    expect({ status, sockets }).toEqual({ status: 200, sockets: 1 });
  });

  it('is refused as a whole when only one of several addresses is private', async () => {
    const mixed: LookupFunction = (_hostname, _options, callback) =>
      callback(null, [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    const client = clientFor({ instanceUrl: 'https://dev1.service-now.com', auth: basic }, { lookup: mixed });
    await expect(client.send(read, callContext())).rejects.toThrow('not public');
  });

  it('goes to a private address when the deployment lists the host itself', async () => {
    const { url, port, seen } = await scriptedServer((response) => json(response, 200, { result: [] }));
    const lookup = answering('127.0.0.1');
    const client = clientFor({ instanceUrl: url.replace('127.0.0.1', 'localhost'), auth: basic }, { lookup });
    await client.send(read, callContext());
    expect({ asked: lookup.asked, seen: seen.length, port: port > 0 }).toEqual({
      asked: ['localhost'],
      seen: 1,
      port: true,
    });
  });
});
