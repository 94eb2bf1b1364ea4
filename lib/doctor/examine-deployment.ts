import * as z from 'zod/mini';
import type { Clock } from '../core/clock.ts';
import { type Config, type InstanceConfig, selectInstance } from '../core/config.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { CallContext } from '../servicenow/call.ts';
import { examine } from './examine.ts';
import type { Finding } from './finding.ts';
import { isHealthy } from './report.ts';

/** What examining a deployment needs; `fetchSecret` reads a secret's text by its id. */
export type DoctorDeps = {
  readonly config: Config;
  readonly clock: Clock;
  readonly fetchSecret: (secretId: string) => Promise<string>;
};

export type Examination = { readonly healthy: boolean; readonly findings: readonly Finding[] };

const eventSchema = z.nullable(z.strictObject({ instance: z.optional(z.string()) }));

/**
 * Examines one instance of a deployment, with the deployment's own settings.
 * @param event `{ instance? }`; without one the deployment's first
 * @throws InvalidInputError, UnknownInstanceError
 */
export async function examineDeployment(
  event: unknown,
  { config, clock, fetchSecret }: DoctorDeps,
  context: CallContext,
): Promise<Examination> {
  const { secretId, allowedTables } = instanceNamedBy(event, config);
  const { allowedHosts, proxyEnvironment } = config;
  const readSecret = () => fetchSecret(secretId);
  const target = { readSecret, tables: allowedTables, allowedHosts, proxyEnvironment, clock };
  const findings = await examine(target, context);
  return { healthy: isHealthy(findings), findings };
}

function instanceNamedBy(event: unknown, config: Config): InstanceConfig {
  const read = z.safeParse(eventSchema, event);
  if (read.success) return selectInstance(config, read.data?.instance);
  throw new InvalidInputError('event', 'takes only the name of an instance, e.g. {"instance":"prod"}');
}
