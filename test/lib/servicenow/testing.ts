import { onTestFinished } from 'vitest';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import { createRedactor } from '../../../lib/core/redaction.ts';
import type { CallContext, ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { type ClientOptions, createClient } from '../../../lib/servicenow/client.ts';
import type { Auth, ConnectionSecret } from '../../../lib/servicenow/secret.ts';

export const basic: Auth = { type: 'basic', username: 'integration.user', password: 'correct horse' };

/** A client for a server on loopback with quick retries; closed when the test ends. */
export function clientFor(secret: ConnectionSecret, options: Partial<ClientOptions> = {}): ServiceNowClient {
  const client = createClient({
    readSecret: async () => JSON.stringify(secret),
    allowedHosts: ['127.0.0.1', 'localhost'],
    backOff: { baseMs: 1, capMs: 2 },
    redactor: createRedactor(),
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

/** A call with ten seconds to live. */
export function callContext(overrides: Partial<CallContext> = {}): CallContext {
  return { deadline: deadlineAt(Date.now() + 10_000, systemClock), correlationId: 'test-1', ...overrides };
}
