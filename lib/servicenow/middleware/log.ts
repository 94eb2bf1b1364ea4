import type { Clock } from '../../core/clock.ts';
import { ConnectorError } from '../../core/errors.ts';
import type { Log, LogFields } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { ServiceNowResponse } from '../call.ts';
import { ServiceNowError } from '../service-now-error.ts';
import type { Retried } from './retry.ts';
import type { Attempt } from './send.ts';

type LogOptions = { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics };

/** Reports each call once, when its result is final: one log line and its figures. Never its query or its body. */
export function logCalls(
  next: (attempt: Attempt) => Promise<Retried>,
  { clock, log, metrics }: LogOptions,
): (attempt: Attempt) => Promise<ServiceNowResponse> {
  return async (attempt) => {
    const startedMs = clock.now();
    const fields = () => ({ ...describe(attempt), durationMs: clock.now() - startedMs });
    metrics.add('Requests');
    try {
      const answer = await next(attempt);
      const transactionId = answer.headers['x-transaction-id'];
      log.info('servicenow-call', {
        ...fields(),
        status: answer.status,
        attempts: answer.attempts,
        transactionId,
      });
      return transactionId === undefined ? answer : { ...answer, transactionId };
    } catch (error) {
      metrics.add('RequestFailures');
      log.warn('servicenow-call-failed', { ...fields(), ...describeError(error) });
      throw error;
    } finally {
      metrics.add('LatencyMs', clock.now() - startedMs);
    }
  };
}

function describe({ request, context }: Attempt): LogFields {
  return { correlationId: context.correlationId, method: request.method, path: request.path };
}

function describeError(error: unknown): LogFields {
  if (!(error instanceof ConnectorError)) return { code: 'UNEXPECTED', reason: String(error) };
  const { code, message: reason } = error;
  if (!(error instanceof ServiceNowError)) return { code, reason };
  const { status, attempts, transactionId, effect } = error;
  return { code, reason, status, attempts, transactionId, effect };
}
