import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { request } from 'node:https';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { addAccount } from '../../../../emulator/instance/auth/add-account.ts';
import { startInstance } from '../../../../emulator/instance/index.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

type Pair = { readonly cert: string; readonly key: string };

async function makeCertificates(): Promise<{ ca: string; issue: (commonName: string) => Promise<Pair> }> {
  const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2090-01-01') };
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Test CA',
      keys: caKeys,
      signingAlgorithm: algorithm,
      ...validity,
      extensions: [new BasicConstraintsExtension(true)],
    },
    webcrypto,
  );
  let serial = 1;
  const issue = async (commonName: string) => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    serial += 1;
    const certificate = await X509CertificateGenerator.create(
      {
        serialNumber: `0${serial}`,
        subject: `CN=${commonName}`,
        issuer: ca.subject,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: algorithm,
        ...validity,
        extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
      },
      webcrypto,
    );
    const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    return {
      cert: certificate.toString('pem'),
      key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`,
    };
  };
  return { ca: ca.toString('pem'), issue };
}

function statusOf(
  url: string,
  { basic, ...tls }: { ca: string; basic?: string } & Partial<Pair>,
): Promise<number | undefined> {
  const headers = basic === undefined ? {} : { authorization: `Basic ${btoa(basic)}` };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}/api/now/table/problem`,
      { ...tls, headers, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    outgoing.on('error', reject).end();
  });
}

describe('a client certificate', () => {
  it('stands for the account it is mapped to; without one, or with a stranger’s, the caller stays unknown; connections can be cut', async () => {
    const { ca, issue } = await makeCertificates();
    const foreign = await makeCertificates();
    const instance = await startInstance({ tls: { ...(await issue('server')), ca } });
    const account = {
      userName: 'robot',
      password: 'p',
      roles: ['itil'],
      certificateCommonName: 'robot.example',
    };
    addAccount(instance.control.auth, account);
    const robot = await issue('robot.example');
    expect(await statusOf(instance.url, { ca, ...robot })).toBe(200);
    expect(instance.control.ledger.select().at(-1)?.user).toBe('robot');
    expect(await statusOf(instance.url, { ca, ...robot, basic: 'None:None' })).toBe(200);
    const other = await issue('other.example');
    expect(await statusOf(instance.url, { ca, ...other })).toBe(401);
    expect(await statusOf(instance.url, { ca, ...other, basic: 'robot:p' })).toBe(200);
    expect(await statusOf(instance.url, { ca, ...other, basic: 'None:None' })).toBe(401);
    expect(await statusOf(instance.url, { ca, ...(await foreign.issue('robot.example')) })).toBe(401);
    expect(await statusOf(instance.url, { ca })).toBe(401);
    instance.control.faults.add({ action: 'reset-after-commit' });
    await expect(statusOf(instance.url, { ca, ...robot })).rejects.toThrow();
    await instance.close();
  });
});
