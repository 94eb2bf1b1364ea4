import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Log, LogFields } from '../../../lib/core/log.ts';
import { processRedactor } from '../../../lib/core/redaction.ts';
import { createRecord, listRecords } from '../../../lib/servicenow/records.ts';
import type { Auth } from '../../../lib/servicenow/secret.ts';
import { canary, disguises } from '../../secrecy/disguises.ts';
import { json, refuse, scriptedServer } from './scripted-server.ts';
import { callContext, clientFor } from './testing.ts';

function recorder() {
  const lines: string[] = [];
  const write = (event: string, fields?: LogFields) => void lines.push(JSON.stringify({ event, ...fields }));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  return { lines, log };
}

describe('secrets, tokens, cookies and records', () => {
  const secrets = {
    password: canary('password'),
    clientSecret: canary('client-secret'),
    refreshToken: canary('refresh-token'),
    apiKey: canary('api-key'),
    accessToken: canary('access-token'),
    cookie: canary('cookie'),
    query: canary('query'),
    record: canary('record'),
    page: canary('page'),
  };
  const { password, clientSecret, refreshToken, apiKey } = secrets;
  const auths: readonly Auth[] = [
    { type: 'basic', username: 'u', password },
    { type: 'oauth-password', clientId: 'c', clientSecret, username: 'u', password },
    { type: 'oauth-refresh-token', clientId: 'c', clientSecret, refreshToken },
    { type: 'oauth-client-credentials', clientId: 'c', clientSecret },
    { type: 'api-key', apiKey },
  ];
  const headers = { 'set-cookie': `JSESSIONID=${secrets.cookie}` };
  const token = {
    access_token: secrets.accessToken,
    refresh_token: secrets.refreshToken,
    token_type: 'Bearer',
    expires_in: 1800,
  };

  /** Every way an answer can go wrong, each of them quoting what it was sent or holding something secret. */
  const answers: Readonly<Record<string, Parameters<typeof scriptedServer>[0]>> = {
    success: (response) => json(response, 200, { result: [{ short_description: secrets.record }] }, headers),
    'bad credentials': (response, { body }) =>
      refuse(response, 401, 'User Not Authenticated', '', { ...headers, 'x-echo': encodeURIComponent(body) }),
    'a refusal that quotes': (response) =>
      refuse(response, 400, 'Exception while reading request', `Unexpected ${secrets.record}`, headers),
    'a server error': (response) => refuse(response, 500, 'boom', '', headers),
    'a page': (response) =>
      void response
        .writeHead(403, { 'content-type': 'text/html', ...headers })
        .end(`<form>${secrets.page}</form>`),
    'a redirect': (response) =>
      void response.writeHead(302, { location: `https://sso.test/?x=${secrets.page}`, ...headers }).end(),
    'damaged JSON': (response) =>
      void response
        .writeHead(200, { 'content-type': 'application/json', ...headers })
        .end(`{"result":"${secrets.record}`),
    'a reset': (response) => void response.destroy(),
  };

  it.each(Object.keys(answers))(
    'never leave the process in a log line, an error or its causes: %s',
    async (name) => {
      for (const auth of auths) {
        const { lines, log } = recorder();
        const { url } = await scriptedServer((response, seen, index) => {
          if (seen.url === '/oauth_token.do' && name !== 'bad credentials')
            return json(response, 200, token, headers);
          return answers[name]?.(response, seen, index);
        });
        const client = clientFor({ instanceUrl: url, auth }, { log, maxAttempts: 2 });
        const errors = await Promise.all([
          listRecords(
            client,
            { table: 'incident', query: `short_description=${secrets.query}` },
            callContext(),
          ).catch((error: unknown) => error),
          createRecord(
            client,
            { table: 'incident', record: { short_description: secrets.record } },
            callContext(),
          ).catch((error: unknown) => error),
        ]);
        const failures = name === 'success' ? [] : errors;
        const left = [
          ...lines,
          ...failures.map((error) => inspect(error, { depth: 20 })),
          JSON.stringify(failures),
        ].join('\n');
        for (const [kind, secret] of Object.entries(secrets)) {
          for (const disguise of disguises(secret))
            expect(left.includes(disguise), `${kind} in ${left}`).toBe(false);
        }
        expect(lines.length).toBeGreaterThan(0);
      }
    },
  );

  it.each([400, 500])(
    'stay within the process when the token endpoint quotes them in a %i',
    async (status) => {
      const { url } = await scriptedServer((response, { body }) => {
        const sent = new URLSearchParams(body).get('client_secret');
        json(response, status, {
          error: 'invalid_client',
          error_description: `not ${sent}, ${'x'.repeat(330)}, nor ${body}`,
        });
      });
      const { lines, log } = recorder();
      const auth: Auth = { type: 'oauth-client-credentials', clientId: 'c', clientSecret };
      const client = clientFor(
        { instanceUrl: url, auth },
        { log, maxAttempts: 1, redactor: processRedactor },
      );
      const error = await listRecords(client, { table: 'incident' }, callContext()).catch(
        (thrown: unknown) => thrown,
      );
      const left = [...lines, inspect(error, { depth: 20 })].join('\n');
      expect(left).toContain('[redacted]');
      for (const disguise of disguises(clientSecret)) expect(left).not.toContain(disguise);
    },
  );

  it('leave log lines that still say who, what, how long and where to look', async () => {
    const { lines, log } = recorder();
    const { url } = await scriptedServer((response) => json(response, 200, { result: [] }));
    const client = clientFor({ instanceUrl: url, auth: { type: 'basic', username: 'u', password } }, { log });
    await listRecords(
      client,
      { table: 'incident', query: 'a=b' },
      callContext({ correlationId: 'order-77' }),
    );
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        event: 'servicenow-call',
        correlationId: 'order-77',
        method: 'GET',
        path: '/api/now/table/incident',
        status: 200,
        attempts: 1,
        durationMs: expect.any(Number),
        transactionId: 'abc123def456',
      },
    ]);
  });
});
