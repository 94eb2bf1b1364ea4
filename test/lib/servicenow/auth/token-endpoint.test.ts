import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { deadlineAt, systemClock } from '../../../../lib/core/clock.ts';
import { json, refuse, scriptedServer } from '../scripted-server.ts';
import { callContext, clientFor } from '../testing.ts';
import { auth, isTokenCall } from './token-server.ts';

const read = { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' } as const;

describe('tokens', () => {
  it('that stall are asked for once more while the caller has time', async () => {
    const { url } = await scriptedServer((response, request, index) => {
      if (index === 0) return;
      if (!isTokenCall(request)) return json(response, 200, { result: [] });
      json(response, 200, { access_token: 't', token_type: 'Bearer', expires_in: 1800 });
    });
    const client = clientFor({ instanceUrl: url, auth }, { tokenTimeoutMs: 50 });
    await client.send({ ...read, method: 'POST', repeatable: 'never' }, callContext());
  });

  it('that cannot be had right now do not keep a write from being tried again: nothing of it was sent', async () => {
    let calls = 0;
    const { url, seen } = await scriptedServer((response, request) => {
      if (!isTokenCall(request)) return json(response, 201, { result: {} });
      calls += 1;
      if (calls === 1) return void response.destroy();
      if (calls === 2) return refuse(response, 503, 'restarting');
      return json(response, 200, { access_token: 'x', token_type: 'Bearer' });
    });
    const write = { method: 'POST', path: '/api/now/table/incident', body: {}, repeatable: 'never' } as const;
    const answer = await clientFor({ instanceUrl: url, auth }).send(write, callContext());
    expect({
      attempts: answer.attempts,
      writes: seen.filter((request) => !isTokenCall(request)).length,
    }).toEqual({ attempts: 3, writes: 1 });
  });

  it('from a slow endpoint keep each caller only as long as its own deadline', async () => {
    const { url } = await scriptedServer(() => undefined);
    // Longer than the test may take.
    const client = clientFor({ instanceUrl: url, auth }, { tokenTimeoutMs: 3_600_000 });
    const deadline = deadlineAt(Date.now() + 60, systemClock);
    await expect(client.send(read, callContext({ deadline }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });

  it('from a sleeping instance are reported as such', async () => {
    const { url } = await scriptedServer((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Hibernating Instance</title>');
    });
    const client = clientFor({ instanceUrl: url, auth }, { maxAttempts: 1 });
    await expect(client.send(read, callContext())).rejects.toMatchObject({
      code: 'INSTANCE_ASLEEP',
      sent: false,
    });
  });

  it.each([
    [404, { error: { message: 'No such resource' } }, 'NOT_SERVICENOW', 'OAuth is active'],
    [405, {}, 'NOT_SERVICENOW', 'OAuth is active'],
    [403, { error: { message: 'not for you' } }, 'CREDENTIALS_REJECTED', 'check the secret'],
    [200, { access_token: 'hidden', refresh_token: 7, token_type: 'Bearer' }, 'ANSWER_LOST', 'refresh_token'],
    [200, ['hidden'], 'ANSWER_LOST', 'OAuth token endpoint'],
    [500, { error: { message: 'boom' } }, 'INSTANCE_ERROR', 'boom'],
  ])(
    'are requested by a call of their own: a %i with %j says nothing about a record',
    async (status, body, code, said) => {
      const { url, seen } = await scriptedServer((response) => json(response, status, body));
      const client = clientFor({ instanceUrl: url, auth }, { maxAttempts: 1 });
      const call = client.send({ ...read, method: 'DELETE', path: `${read.path}/1` }, callContext());
      await expect(call).rejects.toMatchObject({ code, sent: false, effect: 'none' });
      await expect(call).rejects.toThrow(said);
      expect(inspect(await call.catch((error: unknown) => error), { depth: 9 })).not.toContain('hidden');
      expect(seen.every(isTokenCall)).toBe(true);
    },
  );

  it('without a scope are explained', async () => {
    const { url } = await scriptedServer((response, request) =>
      isTokenCall(request)
        ? json(response, 200, { access_token: 'x', token_type: 'Bearer', scope: '' })
        : refuse(response, 403, 'Access to unscoped api is not allowed'),
    );
    const error = clientFor({ instanceUrl: url, auth }).send(read, callContext());
    await expect(error).rejects.toMatchObject({ code: 'SCOPE_MISSING' });
    await expect(error).rejects.toThrow('"scope": "useraccount"');
  });

  it('never show up in an error, nor do the secrets they were asked with', async () => {
    const { url } = await scriptedServer((response) =>
      json(response, 400, { error: 'invalid_client', error_description: 'no' }),
    );
    const error = await clientFor({ instanceUrl: url, auth })
      .send(read, callContext())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIALS_REJECTED' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('client-secret');
  });
});
