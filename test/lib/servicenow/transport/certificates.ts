import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, in PEM. */
export type Pem = { readonly cert: string; readonly key: string };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;

/** A certificate authority made for one test. */
export async function createAuthority(name: string) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 100 * dayMs),
    notAfter: new Date(Date.now() + dayMs),
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  return {
    cert: cert.toString('pem'),
    /** A certificate of this authority for a host or a user; valid until `daysLeft` from now. */
    async issue(subject: string, daysLeft = 1): Promise<Pem> {
      const subjectKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const issued = await x509.X509CertificateGenerator.create({
        subject: `CN=${subject}`,
        issuer: cert.subject,
        publicKey: subjectKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        notBefore: new Date(Date.now() - 50 * dayMs),
        notAfter: new Date(Date.now() + daysLeft * dayMs),
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: subject === '127.0.0.1' ? 'ip' : 'dns', value: subject },
          ]),
        ],
      });
      const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', subjectKeys.privateKey));
      const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
      return { cert: issued.toString('pem'), key };
    },
  };
}
