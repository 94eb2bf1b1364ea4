import * as z from 'zod/mini';
import type { Inspection } from '../aws/inspection.ts';
import type { Clock } from '../core/clock.ts';
import { type Config, type InstanceConfig, selectInstance } from '../core/config.ts';
import { ConnectorError, InvalidInputError } from '../core/errors.ts';
import { parseInstanceUrl } from '../servicenow/address.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { createClient } from '../servicenow/client.ts';
import { parseConnectionSecret } from '../servicenow/secret.ts';
import { checkAws } from './check-aws.ts';
import { checkCertificate, checkReach } from './check-connection.ts';
import { checkImport, checkRoles, checkTable } from './check-tables.ts';
import { type Finding, failed, isHealthy, ok } from './finding.ts';

/** What examining a deployment needs; `fetchSecret` reads a secret's text by its id. */
export type DoctorDeps = {
  readonly config: Config;
  /** See `readBucketKeys`. */
  readonly bucketKeys: readonly string[];
  readonly clock: Clock;
  readonly fetchSecret: (secretId: string) => Promise<string>;
  readonly aws: Inspection;
};

export type Examination = { readonly healthy: boolean; readonly findings: readonly Finding[] };

const eventSchema = z.nullable(z.strictObject({ instance: z.optional(z.string()) }));

/**
 * Examines one instance of a deployment, with the deployment's own settings, and what the deployment is made of in AWS.
 * @param event `{ instance? }`; without one the deployment's first
 * @throws InvalidInputError, UnknownInstanceError
 */
export async function examineDeployment(
  event: unknown,
  { config, bucketKeys, clock, fetchSecret, aws }: DoctorDeps,
  context: CallContext,
): Promise<Examination> {
  const { secretId, allowedTables } = instanceNamedBy(event, config);
  const { allowedHosts, proxyEnvironment } = config;
  const readSecret = () => fetchSecret(secretId);
  const target = { readSecret, tables: allowedTables, allowedHosts, proxyEnvironment, clock };
  const [ofInstance, ofAws] = await Promise.all([
    examine(target, context),
    checkAws({ ...config, bucketKeys }, aws),
  ]);
  const findings = [...ofInstance, ...ofAws];
  return { healthy: isHealthy(findings), findings };
}

function instanceNamedBy(event: unknown, config: Config): InstanceConfig {
  const read = z.safeParse(eventSchema, event);
  if (read.success) return selectInstance(config, read.data?.instance);
  throw new InvalidInputError('event', 'takes only the name of an instance, e.g. {"instance":"prod"}');
}

/** What is examined: the settings of one deployment and instance. */
export type DoctorTarget = {
  /** Reads the secret's JSON. */
  readonly readSecret: () => Promise<string>;
  /** Tables to check; `*` names none. */
  readonly tables: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
};

/**
 * Examines a deployment from the secret outward: the secret's form, the network path to the instance, the grant, the clock, roles,
 * tables, import prerequisites. Reads only, and stops where nothing further can work.
 */
export async function examine(target: DoctorTarget, context: CallContext): Promise<readonly Finding[]> {
  const secret = await checkSecret(target);
  if (!secret.json) return [secret.finding];
  const json = secret.json;
  const { allowedHosts, proxyEnvironment, clock } = target;
  const client = createClient({
    readSecret: async () => json,
    allowedHosts,
    proxyEnvironment,
    clock,
    maxAttempts: 2,
  });
  try {
    const reach = await checkReach(client, reachTable(target), clock, context);
    // Some faults of the secret show only in use, such as a key that does not match its certificate.
    if (reach.some(({ subject }) => subject === 'secret')) return reach;
    if (reach.some(({ state }) => state === 'failed')) return [secret.finding, ...reach];
    return [
      secret.finding,
      ...reach,
      ...checkCertificate(parseConnectionSecret(json).tls, clock),
      await checkRoles(client, context),
      ...(await checkTables(client, target, context)),
    ];
  } finally {
    await client.close();
  }
}

async function checkSecret(
  target: DoctorTarget,
): Promise<{ readonly finding: Finding; readonly json?: string }> {
  try {
    const json = await target.readSecret();
    const { auth, tls, instanceUrl, proxyUrl } = parseConnectionSecret(json);
    const { origin } = parseInstanceUrl(instanceUrl, target.allowedHosts);
    const parts = [auth?.type, tls?.cert ? 'client certificate' : undefined, proxyUrl ? 'proxy' : undefined];
    return { finding: ok('secret', `${origin}, ${parts.filter(Boolean).join(' + ')}`), json };
  } catch (error) {
    if (error instanceof ConnectorError) return { finding: failed('secret', error) };
    throw error;
  }
}

/** Any table shows whether the instance answers. */
function reachTable({ tables }: DoctorTarget): string {
  return tables.find((name) => name !== '*') ?? 'sys_user';
}

async function checkTables(
  client: ServiceNowClient,
  target: DoctorTarget,
  context: CallContext,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const table of target.tables.filter((name) => name !== '*')) {
    findings.push(await checkTable(client, table, context), ...(await checkImport(client, table, context)));
  }
  return findings;
}
