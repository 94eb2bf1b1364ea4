import { createSecureServer } from 'node:http2';
import type { LookupFunction } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../../emulator/instance/index.ts';
import { deadlineAt, systemClock } from '../../../../lib/core/clock.ts';
import type { ClientOptions } from '../../../../lib/servicenow/client.ts';
import { listRecords } from '../../../../lib/servicenow/records.ts';
import type { ConnectionSecret } from '../../../../lib/servicenow/secret.ts';
import { checkCertificateDates } from '../../../../lib/servicenow/transport/dispatcher.ts';
import { json, scriptedServer } from '../scripted-server.ts';
import { basic, callContext, clientFor } from '../testing.ts';
import { createAuthority } from './certificates.ts';

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;
const host = 'snow.example.com';
const toLoopback: LookupFunction = (_hostname, options, callback) =>
  options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);

/** A client that finds `snow.example.com:<port>`, which the deployment lists, on loopback. */
function clientAt(
  port: number,
  secret: Omit<ConnectionSecret, 'instanceUrl'>,
  options: Partial<ClientOptions> = {},
) {
  const instanceUrl = `https://${host}:${port}`;
  return clientFor(
    { instanceUrl, ...secret },
    { allowedHosts: [`${host}:${port}`], lookup: toLoopback, maxAttempts: 1, ...options },
  );
}

describe('TLS', () => {
  it('reaches an instance whose certificate a private authority signed', async () => {
    const authority = await createAuthority('private');
    const instance = await startInstance({ tls: await authority.issue(host) });
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
    const client = clientAt(Number(new URL(instance.url).port), { auth, tls: { ca: authority.cert } });
    const { records } = await listRecords(client, { table: 'incident', limit: 1 }, callContext());
    expect(records).toHaveLength(1);
  });

  it('trusts a private authority in addition to the public ones', async () => {
    const [known, own] = [await createAuthority('known'), await createAuthority('own')];
    const before = getCACertificates('default');
    onTestFinished(() => setDefaultCACertificates(before));
    setDefaultCACertificates([...before, known.cert]);
    for (const authority of [known, own]) {
      const { port } = await scriptedServer(
        (response) => json(response, 200, { result: [] }),
        await authority.issue(host),
      );
      await clientAt(port, { auth: basic, tls: { ca: own.cert } }).send(read, callContext());
    }
  });

  it('speaks HTTP/1.1 to a server that would rather speak HTTP/2', async () => {
    const authority = await createAuthority('private');
    const versions: string[] = [];
    const server = createSecureServer(
      { ...(await authority.issue(host)), allowHTTP1: true },
      (request, response) => {
        versions.push(request.httpVersion);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"result":[]}');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await clientAt(port, { auth: basic, tls: { ca: authority.cert } }).send(read, callContext());
    expect(versions).toEqual(['1.1']);
  });

  it.each([
    ['by an unknown authority', host, 1, false],
    ['for another host', 'other.example.com', 1, true],
    ['and has expired', host, -1, true],
  ])(
    'refuses a server whose certificate is signed %s, without sending a byte',
    async (_case, subject, daysLeft, trusted) => {
      const authority = await createAuthority('private');
      const other = await createAuthority('other');
      const { port, seen } = await scriptedServer(
        (response) => json(response, 200, { result: [] }),
        await authority.issue(subject, daysLeft),
      );
      const client = clientAt(
        port,
        { auth: basic, tls: { ca: trusted ? authority.cert : other.cert } },
        { maxAttempts: 5 },
      );
      const error = client.send(read, callContext());
      await expect(error).rejects.toMatchObject({
        code: 'CONNECTION_FAILED',
        retryable: false,
        sent: false,
        attempts: 1,
      });
      await expect(error).rejects.toThrow('certificate');
      expect(seen).toHaveLength(0);
    },
  );

  it('cannot be talked out of checking by the environment', async () => {
    const authority = await createAuthority('private');
    const { port, seen } = await scriptedServer(
      (response) => json(response, 200, { result: [] }),
      await authority.issue(host),
    );
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    });
    await expect(clientAt(port, { auth: basic }).send(read, callContext())).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
    });
    expect(seen).toHaveLength(0);
  });

  it('shows its client certificate, alone or with other credentials', async () => {
    const authority = await createAuthority('private');
    const server = {
      ...(await authority.issue(host)),
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const { port, seen } = await scriptedServer((response) => json(response, 200, { result: [] }), server);
    const tls = { ...(await authority.issue('integration.user')), ca: authority.cert };
    await clientAt(port, { tls }).send(read, callContext());
    await clientAt(port, { tls, auth: basic }).send(read, callContext());
    expect(seen.map(({ headers }) => headers.authorization?.slice(0, 5))).toEqual([undefined, 'Basic']);
  });

  it('says that the client certificate has expired, and sends nothing that such a certificate would come with', async () => {
    const authority = await createAuthority('private');
    const server = { ...(await authority.issue(host)), ca: authority.cert, requestCert: true };
    const { port, seen } = await scriptedServer((response) => json(response, 200, { result: [] }), server);
    const own = await authority.issue('integration.user', 1);
    let movedMs = 0;
    const clock = { now: () => Date.now() + movedMs, sleep: systemClock.sleep };
    const context = () => callContext({ deadline: deadlineAt(clock.now() + 10_000, clock) });
    const client = clientAt(port, { tls: { ...own, ca: authority.cert } }, { maxAttempts: 3, clock });
    await client.send(read, context());
    movedMs = 86_400_000;
    const call = client.send({ ...read, method: 'POST', repeatable: 'never' }, context());
    const refused = { code: 'CONNECTION_FAILED', sent: false, effect: 'none', attempts: 1 };
    await expect(call).rejects.toMatchObject({ ...refused, retryable: false });
    await expect(call).rejects.toThrow(/the client certificate in tls\.cert expired on \d{4}-\d\d-\d\d/);
    expect(seen).toHaveLength(1);
  });

  it('takes a client certificate from the first moment of its life to the last, and at no other time', () => {
    const life = { fromMs: Date.parse('2026-01-01'), toMs: Date.parse('2027-01-01') };
    for (const ms of [life.fromMs, life.toMs - 1])
      expect(() => checkCertificateDates(life, ms)).not.toThrow();
    expect(() => checkCertificateDates(life, life.fromMs - 1)).toThrow('is not valid before 2026-01-01');
    expect(() => checkCertificateDates(life, life.toMs)).toThrow('expired on 2027-01-01');
  });

  it('says which setting is wrong when a certificate is no PEM', async () => {
    const client = clientAt(1, { tls: { cert: 'canary', key: 'canary' } });
    const error = client.send(read, callContext());
    await expect(error).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID', setting: 'secret.tls' });
    await expect(error).rejects.not.toThrow('canary');
  });
});
