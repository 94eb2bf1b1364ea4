import { describe, expect, it } from 'vitest';
import { parseConnectionSecret } from '../../../lib/servicenow/secret.ts';

const instanceUrl = 'https://dev1.service-now.com';
const client = { clientId: 'id', clientSecret: 'canary-secret' };

describe('a connection secret', () => {
  it.each([
    [{ type: 'basic', username: 'u', password: 'p' }],
    [{ type: 'oauth-password', ...client, username: 'u', password: 'p', scope: 'useraccount' }],
    [{ type: 'oauth-refresh-token', ...client, refreshToken: 'r' }],
    [{ type: 'oauth-client-credentials', ...client }],
    [{ type: 'oauth-jwt-bearer', ...client, privateKey: 'pem', keyId: 'k', sub: 'user' }],
    [{ type: 'api-key', apiKey: 'k' }],
  ])('takes %j', (auth) => {
    expect(parseConnectionSecret(JSON.stringify({ instanceUrl, auth })).auth).toEqual(auth);
  });

  it('takes a client certificate in place of auth', () => {
    const tls = { cert: 'c', key: 'k', passphrase: 'p', ca: 'a' };
    expect(parseConnectionSecret(JSON.stringify({ instanceUrl, tls }))).toEqual({ instanceUrl, tls });
  });

  it.each([
    ['{"instanceUrl":"canary', 'secret'],
    ['"canary"', 'secret'],
    [{ auth: { type: 'basic', username: 'u', password: 'canary' } }, 'secret.instanceUrl'],
    [{ instanceUrl, auth: { type: 'basic', username: 'u' } }, 'secret.auth.password'],
    [{ instanceUrl, auth: { type: 'basic', username: 'u', password: ['canary'] } }, 'secret.auth.password'],
    [{ instanceUrl, auth: { type: 'basic', username: 'u', password: '' } }, 'secret.auth.password'],
    [{ instanceUrl, auth: { type: 'canary' } }, 'secret.auth.type'],
    [{ instanceUrl, auth: { type: 'api-key', apiKey: 'x', pasword: 'canary' } }, 'secret.auth'],
    [{ instanceUrl, auth: { type: 'api-key', apiKey: 'canary\n' } }, 'secret.auth.apiKey'],
    [{ instanceUrl, auth: { type: 'basic', username: 'canary:u', password: 'p' } }, 'secret.auth.username'],
    [{ instanceUrl, auth: { type: 'basic', username: 'u', password: 'p', 'canary-1': '' } }, 'secret.auth'],
    [{ instanceUrl }, 'secret.auth'],
    [{ instanceUrl, auth: { type: 'api-key', apiKey: 'x' }, tls: { cert: 'canary' } }, 'secret.tls'],
    [{ instanceUrl, tls: { ca: 'canary' } }, 'secret.auth'],
    [{ instanceUrl, auth: { type: 'api-key', apiKey: 'x' }, rejectUnauthorized: false }, 'secret'],
  ])('names the wrong field of %j and never a value', (document, setting) => {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'CONFIGURATION_INVALID', setting });
    expect(`${error.message} ${error.stack} ${JSON.stringify(error.cause ?? '')}`).not.toContain('canary');
  });

  it('names a field that it does not know', () => {
    const auth = { type: 'api-key', apiKey: 'x', pasword: 'y' };
    expect(refusal(JSON.stringify({ instanceUrl, auth })).message).toContain('(pasword)');
  });
});

function refusal(text: string): Error {
  try {
    parseConnectionSecret(text);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('the secret was taken');
}
