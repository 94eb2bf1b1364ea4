import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../lib/core/redaction.ts';
import type { ConnectionSecret } from '../../../lib/servicenow/secret.ts';
import { protectProxy, protectSecret } from '../../../lib/servicenow/secret.ts';

const instanceUrl = 'https://dev1.service-now.com';
const key =
  '-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBC\nQVFFRkFBU0NCS2N3Z2dTakFnRUFBb0lC\n-----END PRIVATE KEY-----\n';

function shown(secret: Omit<ConnectionSecret, 'instanceUrl'>, text: string): string {
  const redactor = createRedactor();
  protectSecret({ instanceUrl, ...secret }, redactor);
  return redactor.redact(text);
}

describe('protecting a secret', () => {
  it('covers every field except those that are only names', () => {
    const auth = {
      type: 'oauth-password',
      clientId: 'client-id',
      clientSecret: 'client-secret',
      username: 'user-name',
      password: 'pass-word',
    } as const;
    expect(shown({ auth }, 'client-id client-secret user-name pass-word')).toBe(
      'client-id [redacted] user-name [redacted]',
    );
  });

  it('covers a key line by line, since it may be printed in part', () => {
    const jwt = {
      type: 'oauth-jwt-bearer',
      clientId: 'c',
      clientSecret: 's',
      privateKey: key,
      keyId: 'k',
      sub: 'u',
    } as const;
    expect(shown({ auth: jwt }, 'near TUlJRXZRSUJBREFOQmdrcWhraUc5dzBC')).toBe('near [redacted]');
    expect(
      shown(
        { tls: { cert: 'c', key, passphrase: 'open sesame' } },
        'QVFFRkFBU0NCS2N3Z2dTakFnRUFBb0lC open sesame',
      ),
    ).toBe('[redacted] [redacted]');
    expect(shown({ auth: jwt }, '-----BEGIN PRIVATE KEY-----')).toBe('-----BEGIN PRIVATE KEY-----');
  });

  it('covers a proxy’s password as it is written and as it is meant', () => {
    const redactor = createRedactor();
    protectProxy('http://user:p%40ss%20word@proxy:3128', redactor);
    expect(redactor.redact('p@ss word, p%40ss%20word')).toBe('[redacted], [redacted]');
    protectProxy('http://proxy-token@proxy:3128', redactor);
    expect(redactor.redact('user proxy-token')).toBe('user [redacted]');
  });
});
