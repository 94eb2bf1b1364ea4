import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { silentMetrics } from '../../../lib/core/metrics.ts';
import { createRedactor } from '../../../lib/core/redaction.ts';
import { createCredentials } from '../../../lib/servicenow/auth/credentials.ts';
import type { Connection } from '../../../lib/servicenow/connection.ts';
import { AccessDeniedError, InstanceError, NotAuthenticatedError } from '../../../lib/servicenow/errors.ts';
import { createCredentialGuard } from '../../../lib/servicenow/middleware/authenticate.ts';
import type { ServiceNowError } from '../../../lib/servicenow/service-now-error.ts';
import { jumpingClock } from '../core/manual-clock.ts';
import { callContext } from './testing.ts';

const call = { method: 'GET', path: '/api/now/table/incident' } as const;
const answered = (status: number, headers = { 'x-transaction-id': 'abc' }) => ({ status, headers, body: {} });

function connect(): Connection {
  const unused = () => Promise.reject(new Error('nothing is sent here'));
  const transport = { exchange: unused, retire: unused, close: unused };
  const address = { origin: 'https://dev1.service-now.com', hostname: 'dev1.service-now.com', listed: false };
  const context = {
    origin: address.origin,
    transport,
    clock: jumpingClock(),
    log: silentLog,
    metrics: silentMetrics,
    redactor: createRedactor(),
    tokenTimeoutMs: 1,
    skewMs: () => 0,
  };
  return { address, transport, credentials: createCredentials(undefined, context) };
}

/** How many of three calls run at once after a first one ended with this error. */
async function runningAfter(error: ServiceNowError): Promise<number> {
  const guard = createCredentialGuard(systemClock);
  const connection = connect();
  const first = guard.pass(connection, callContext(), () => Promise.reject(error));
  await expect(first).rejects.toBe(error);
  let running = 0;
  const end = Promise.withResolvers<void>();
  const work = () => {
    running += 1;
    return end.promise;
  };
  const calls = Array.from({ length: 3 }, () => guard.pass(connection, callContext(), work));
  const seen = running;
  end.resolve();
  await Promise.all(calls);
  return seen;
}

describe('credentials', () => {
  it('count as accepted after a refusal that ServiceNow makes only once they are accepted', async () => {
    expect(await runningAfter(new AccessDeniedError('', { ...call, answer: answered(403) }))).toBe(3);
  });

  it.each([
    ['a server error', new InstanceError('', { ...call, answer: answered(500) })],
    ['no answer', new InstanceError('', call)],
    [
      'a refusal without ServiceNow’s headers',
      new AccessDeniedError('', { ...call, answer: { ...answered(403), headers: {} } }),
    ],
    [
      'a refusal of the call for the token',
      new AccessDeniedError('', { ...call, sent: false, answer: answered(403) }),
    ],
  ])(
    'do not count as accepted after %s, so that they are tried by one call at a time',
    async (_name, error) => {
      expect(await runningAfter(error)).toBe(1);
    },
  );

  it('that are refused are sent twice in a minute at most, and again after it', async () => {
    const clock = jumpingClock();
    const guard = createCredentialGuard(clock);
    const refusal = new NotAuthenticatedError('', { ...call, answer: answered(401) });
    let sent = 0;
    const attempt = (connection: Connection) =>
      guard
        .pass(connection, callContext(), () => {
          sent += 1;
          return Promise.reject(refusal);
        })
        .catch(() => sent);
    const [first, second, third] = [connect(), connect(), connect()];
    expect(await attempt(first)).toBe(1);
    expect(await attempt(first)).toBe(1);
    expect(guard.closedForMs()).toBe(30_000);
    expect(await attempt(second)).toBe(2);
    expect(await attempt(third)).toBe(2);
    expect(guard.closedForMs()).toBe(60_000);
    expect(guard.hasRefused(first)).toBe(true);
    expect(guard.hasRefused(third)).toBe(false);
    await clock.sleep(60_000);
    expect(guard.closedForMs()).toBe(0);
    expect(await attempt(third)).toBe(3);
  });
});
