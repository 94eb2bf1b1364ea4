import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { DeadlineExceededError } from '../../../lib/core/errors.ts';
import { silentLog } from '../../../lib/core/log.ts';
import type { Repeatable, ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { classifyAnswer } from '../../../lib/servicenow/classify/answer.ts';
import { classifyTransportError } from '../../../lib/servicenow/classify/failure.ts';
import { retry } from '../../../lib/servicenow/middleware/retry.ts';
import type { ServiceNowError } from '../../../lib/servicenow/service-now-error.ts';
import { TransportError } from '../../../lib/servicenow/transport/exchange.ts';
import { jumpingClock } from '../core/manual-clock.ts';
import { refuse, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

type Attempt = 'ok' | number | Error | { status: number; headers: Record<string, string> };
const headers = { 'content-type': 'application/json' };
const methods = { read: 'GET', keyed: 'POST', never: 'PATCH' } as const;

/** Runs a call whose attempts end as scripted; gives how it ended, how often it was sent and what was waited. */
async function run(
  repeatable: Repeatable,
  script: readonly Attempt[],
  options: { deadlineMs?: number; random?: number; giveUp?: AbortController } = {},
) {
  const clock = jumpingClock();
  const request: ServiceNowRequest = {
    method: methods[repeatable],
    path: '/api/now/table/incident',
    repeatable,
  };
  const counted: string[] = [];
  let sent = 0;
  const link = async () => {
    const next = script[Math.min(sent, script.length - 1)] ?? 'ok';
    sent += 1;
    if (next === 'ok') return { status: 200, headers, body: {} };
    if (next instanceof TransportError) throw classifyTransportError(request, next);
    if (next instanceof Error) throw next;
    const answer =
      typeof next === 'number'
        ? { status: next, headers }
        : { status: next.status, headers: { ...headers, ...next.headers } };
    return classifyAnswer(
      request,
      { ...answer, body: Buffer.from('{"error":{"message":"x"}}') },
      clock.now(),
    );
  };
  const backOff = { baseMs: 100, capMs: 10_000 };
  const random = () => options.random ?? 0.5;
  const chain = retry(link, {
    maxAttempts: 5,
    backOff,
    clock,
    random,
    log: silentLog,
    // The wait begins right after it was counted.
    metrics: {
      add(name) {
        counted.push(name);
        if (name === 'Retries') options.giveUp?.abort(new Error('no longer wanted'));
      },
    },
  });
  const context = {
    deadline: deadlineAt(clock.now() + (options.deadlineMs ?? 600_000), clock),
    correlationId: 'c',
    ...(options.giveUp && { signal: options.giveUp.signal }),
  };
  const ended = await chain({ request, context }).then(
    (answer) => ({ ended: answer.status }),
    (error: ServiceNowError) => ({ ended: error.code, effect: error.effect }),
  );
  return { ...ended, sent, waits: clock.sleeps, counted };
}

const sentReset = new TransportError('reset', 'sent');
const staleReset = new TransportError('reset', 'sent', { staleSocket: true });
const refusedConnection = new TransportError('connect', 'nothing-sent');

describe('a call that is given up', () => {
  const late = new DeadlineExceededError('nothing was sent');

  it.each([
    ['throttled', 429],
    ['asleep', { status: 200, headers: { 'content-type': 'text/html' } }],
    ['not reached', refusedConnection],
    ['out of time', late],
  ])(
    'is in doubt when its last copy was %s, but an earlier one may have been carried out',
    async (_case, last) => {
      expect(await run('keyed', [sentReset, last])).toMatchObject({ ended: 'OUTCOME_UNKNOWN' });
      expect(await run('keyed', [last, last])).not.toMatchObject({ ended: 'OUTCOME_UNKNOWN' });
    },
  );

  it('keeps its doubt when a later copy is refused, which may be due to the earlier one', async () => {
    const refused = await run('keyed', [sentReset, 403]);
    expect(refused).toMatchObject({ ended: 'ACCESS_DENIED', effect: 'unknown', sent: 2 });
    expect(await run('keyed', [403])).toMatchObject({ ended: 'ACCESS_DENIED', effect: 'none', sent: 1 });
  });

  it('ends with the last error when that leaves its effect unknown, too', async () => {
    expect(await run('keyed', [sentReset, 500])).toMatchObject({ ended: 'INSTANCE_ERROR', sent: 5 });
  });

  it('by its caller during a wait ends with what it had met so far', async () => {
    const giveUp = new AbortController();
    expect(await run('read', [429], { giveUp })).toMatchObject({ ended: 'THROTTLED', sent: 1 });
    expect(giveUp.signal.aborted).toBe(true);
  });

  it('by its caller before it was sent says so in our own words', async () => {
    const giveUp = new AbortController();
    const reason = new Error('no longer wanted');
    giveUp.abort(reason);
    expect(await run('read', [reason], { giveUp })).toMatchObject({ ended: 'CALL_ABANDONED', sent: 1 });
  });
});

describe('retrying', () => {
  it.each([429, 500, 502, 503, 504])('sends a read or a keyed create again after %i', async (status) => {
    expect(await run('read', [status, 'ok'])).toMatchObject({ ended: 200, sent: 2 });
    expect(await run('keyed', [status, 'ok'])).toMatchObject({ ended: 200, sent: 2 });
  });

  it.each([500, 502, 503, 504])('sends no other write again after %i', async (status) => {
    expect(await run('never', [status, 'ok'])).toMatchObject({ sent: 1 });
  });

  it('sends any write again that was throttled, since nothing was done', async () => {
    expect(await run('never', [429, 'ok'])).toMatchObject({ ended: 200, sent: 2 });
  });

  it.each([400, 401, 403, 404, 409])('sends nothing again after %i', async (status) => {
    expect(await run('read', [status, 'ok'])).toMatchObject({ sent: 1 });
  });

  it('sends a read or a keyed create again after the page of a sleeping instance, any other write not', async () => {
    const page = { status: 200, headers: { 'content-type': 'text/html' } };
    expect(await run('read', [page, 'ok'])).toMatchObject({ ended: 200, sent: 2 });
    expect(await run('keyed', [page, 'ok'])).toMatchObject({ ended: 200, sent: 2 });
    expect(await run('never', [page, 'ok'])).toMatchObject({ ended: 'INSTANCE_ASLEEP', sent: 1 });
  });

  it('sends any call again when no byte of it left', async () => {
    expect(await run('never', [refusedConnection, 'ok'])).toMatchObject({ ended: 200, sent: 2 });
  });

  it('sends no other write again once bytes have left, since the first copy may still be running', async () => {
    expect(await run('never', [sentReset, 'ok'])).toMatchObject({ ended: 'OUTCOME_UNKNOWN', sent: 1 });
    expect(await run('never', [staleReset, 'ok'])).toMatchObject({ ended: 'OUTCOME_UNKNOWN', sent: 1 });
  });

  it('tries once more at once when a kept-alive socket was closed before any answer, then backs off', async () => {
    expect(await run('keyed', [staleReset, 'ok'])).toMatchObject({ ended: 200, waits: [0] });
    expect(await run('read', [staleReset, staleReset, 'ok'])).toMatchObject({
      ended: 200,
      waits: [0, 100],
    });
  });

  it('waits between nothing and a ceiling that doubles', async () => {
    expect((await run('read', [503], { random: 0.999 })).waits).toEqual([99, 199, 399, 799]);
    expect((await run('read', [503], { random: 0 })).waits).toEqual([0, 0, 0, 0]);
  });

  it('counts each further attempt, and each time that the instance throttled', async () => {
    expect((await run('read', [429, 503, 'ok'])).counted).toEqual(['Throttles', 'Retries', 'Retries']);
  });

  it('gives up after five attempts where the caller does not say otherwise', async () => {
    const { url, seen } = await scriptedServer((response) => refuse(response, 500, 'no'));
    const client = clientFor({ instanceUrl: url, auth: basic });
    const call = client.send(
      { method: 'GET', path: '/api/now/table/incident', repeatable: 'read' },
      callContext(),
    );
    await expect(call).rejects.toMatchObject({ attempts: 5 });
    expect(seen).toHaveLength(5);
  });

  it('gives up after five attempts', async () => {
    expect(await run('read', [503])).toMatchObject({ ended: 'INSTANCE_UNAVAILABLE', sent: 5 });
  });

  it('waits for Retry-After in place of its own back-off, once per answer', async () => {
    const throttled = { status: 429, headers: { 'retry-after': '7' } };
    expect((await run('read', [throttled, 'ok'], { random: 0 })).waits).toEqual([7_000]);
    // Jitter, so that not all callers start at the same moment.
    expect((await run('read', [throttled, 'ok'], { random: 0.5 })).waits).toEqual([7_050]);
  });

  it('hands a wait that is too long, or past the deadline, to the caller at once', async () => {
    const hour = { status: 429, headers: { 'retry-after': '3600' } };
    expect(await run('read', [hour, 'ok'], { deadlineMs: 9_000_000 })).toMatchObject({
      ended: 'THROTTLED',
      sent: 1,
      waits: [],
    });
    const soon = { status: 429, headers: { 'retry-after': '7' } };
    expect(await run('read', [soon, 'ok'], { deadlineMs: 6_000 })).toMatchObject({
      ended: 'THROTTLED',
      sent: 1,
      waits: [],
    });
  });
});
