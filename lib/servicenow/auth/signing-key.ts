import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ConfigurationError } from '../../core/errors.ts';

const setting = 'secret.auth.privateKey';
/** The least that RS256 allows (RFC 7518, 3.3). */
const fewestBits = 2048;

/**
 * Reads the key that assertions are signed with.
 * @throws ConfigurationError for `secret.auth.privateKey`
 */
export function readSigningKey(pem: string): KeyObject {
  const key = parse(pem);
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= fewestBits) return key;
  throw new ConfigurationError(setting, `must be an RSA key of at least ${fewestBits} bits (RS256)`);
}

function parse(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's message may quote the text, so it is not kept as the cause.
    throw new ConfigurationError(setting, 'must be a private key in PEM form without a passphrase');
  }
}
