import type { Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { fetchSecretText } from '../lib/aws/secrets.ts';
import { systemClock } from '../lib/core/clock.ts';
import { type Config, type InstanceConfig, readConfig, selectInstance } from '../lib/core/config.ts';
import { deadlineAt } from '../lib/core/deadline.ts';
import { InvalidInputError } from '../lib/core/errors.ts';
import { examine } from '../lib/doctor/examine.ts';
import type { Finding } from '../lib/doctor/finding.ts';
import { isHealthy } from '../lib/doctor/report.ts';
import { toDirectError } from '../lib/gateway/direct-result.ts';

const eventSchema = z.nullable(z.strictObject({ instance: z.optional(z.string()) }));

/**
 * Checks this deployment from inside: secret, way to the instance, grant, clock, roles, tables, import prerequisites.
 *
 * Direct Invoke: `{ instance? }`. Answers `{ healthy, findings: [{ subject, state, found, todo? }] }`; writes nothing.
 */
export async function handler(
  event: unknown,
  context: Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>,
): Promise<{ readonly healthy: boolean; readonly findings: readonly Finding[] }> {
  const config = readConfig();
  const { secretId, allowedTables } = named(config, event);
  const deadline = deadlineAt(systemClock.now() + context.getRemainingTimeInMillis() - 1000, systemClock);
  const patient = {
    ...config,
    readSecret: () => fetchSecretText(secretId),
    tables: allowedTables,
    clock: systemClock,
  };
  const findings = await examine(patient, { deadline, correlationId: context.awsRequestId });
  return { healthy: isHealthy(findings), findings };
}

/** The instance of the event. @throws Error by name, without a stack */
function named(config: Config, event: unknown): InstanceConfig {
  const read = z.safeParse(eventSchema, event);
  try {
    if (read.success) return selectInstance(config, read.data?.instance);
  } catch (error) {
    throw toDirectError(error);
  }
  throw toDirectError(
    new InvalidInputError('event', 'takes nothing but the name of an instance, e.g. {"instance":"prod"}'),
  );
}
