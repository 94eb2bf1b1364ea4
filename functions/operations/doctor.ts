import type { Context } from 'aws-lambda';
import { fetchSecretText } from '../../lib/aws/secrets.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig, selectInstance } from '../../lib/core/config.ts';
import { deadlineAt } from '../../lib/core/deadline.ts';
import { examine } from '../../lib/operations/doctor/examine.ts';
import type { Finding } from '../../lib/operations/doctor/finding.ts';
import { isHealthy } from '../../lib/operations/doctor/report.ts';

/**
 * Checks this deployment from inside: secret, way to the instance, grant, clock, roles, tables, import prerequisites.
 *
 * Direct Invoke: `{ instance? }`. Answers `{ healthy, findings: [{ subject, state, found, todo? }] }`; writes nothing.
 */
export async function handler(
  event: { readonly instance?: string } | null,
  context: Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>,
): Promise<{ readonly healthy: boolean; readonly findings: readonly Finding[] }> {
  const config = readConfig();
  const { secretId, allowedTables } = selectInstance(config, event?.instance);
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
