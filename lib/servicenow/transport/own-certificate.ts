import { X509Certificate } from 'node:crypto';
import type { TlsSettings } from '../connection-secret.ts';

/** The client certificate must not be shown today. */
export class CertificateDateError extends Error {
  override readonly name = 'CertificateDateError';
}

/** When a client certificate begins and ends, in milliseconds since the Unix epoch. */
type CertificateLife = { readonly fromMs: number; readonly toMs: number };

/** The life of a secret's client certificate; undefined without one. `tls.cert` is known to be in PEM form. */
export function lifeOfOwn(tls: TlsSettings | undefined): CertificateLife | undefined {
  if (!tls?.cert) return undefined;
  const { validFrom, validTo } = new X509Certificate(tls.cert);
  return { fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
}

/**
 * A server that speaks TLS 1.3 refuses a certificate after our request has left, by closing the connection: that looks like a
 * lost answer. So the dates are held against our clock before anything is sent.
 * @throws CertificateDateError
 */
export function checkDates(life: CertificateLife | undefined, nowMs: number): void {
  if (!life || (life.fromMs <= nowMs && nowMs < life.toMs)) return;
  const [how, atMs] = nowMs < life.fromMs ? ['is not valid before', life.fromMs] : ['expired on', life.toMs];
  throw new CertificateDateError(
    `the client certificate in tls.cert ${how} ${new Date(atMs).toISOString().slice(0, 10)}`,
  );
}
