import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

describe('the session cookie', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance();
  });
  afterEach(() => instance.close());

  const path = '/api/now/table/problem';
  const openSession = async () => {
    const reply = await call(instance, 'GET', path);
    const cookie = reply.headers.getSetCookie().find((text) => text.startsWith('JSESSIONID='));
    return cookie?.split(';')[0] ?? '';
  };

  it('identifies the user who logged in, and is not set again', async () => {
    const Cookie = await openSession();
    const reply = await call(instance, 'GET', path, { as: '', headers: { Cookie } });
    expect(reply.status).toBe(200);
    expect(reply.headers.getSetCookie()).toEqual([]);
    expect(instance.control.ledger.select().at(-1)?.user).toBe(instance.username);
    expect(instance.control.auth.sessions.size).toBe(1);
  });

  it('is another one for every answer to a client that sends none back', async () => {
    expect(await openSession()).not.toBe(await openSession());
    expect(instance.control.auth.sessions.size).toBe(2);
  });

  it('is worth nothing after half an hour of silence', async () => {
    const Cookie = await openSession();
    await instance.control.clock.advance(1_800_001);
    expect((await call(instance, 'GET', path, { as: '', headers: { Cookie } })).status).toBe(401);
  });

  it('makes the requests that share it wait for each other', async () => {
    const Cookie = await openSession();
    instance.control.faults.add({ action: 'latency', latencyMs: 500, count: 3 });
    const replies = await Promise.all(
      [1, 2, 3].map(() => call(instance, 'GET', path, { as: '', headers: { Cookie } })),
    );
    const waits = replies.map((reply) =>
      Number(/sesh_wait;dur=(\d+)/.exec(reply.headers.get('server-timing') ?? '')?.[1]),
    );
    // Two times 500 ms, less what the last one came later.
    expect(Math.max(...waits)).toBeGreaterThan(500);
  });
});
