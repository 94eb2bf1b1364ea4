import type { Clock } from '../../core/clock.ts';
import { ConnectorError } from '../../core/errors.ts';
import { tokenPath } from '../../servicenow/auth/token.ts';
import { createClient } from '../../servicenow/client.ts';
import { parseConnectionSecret } from '../../servicenow/connection-secret.ts';
import { ServiceNowError } from '../../servicenow/errors/servicenow-error.ts';
import { parseInstanceUrl } from '../../servicenow/instance-url.ts';
import type { CallContext, ServiceNowClient } from '../../servicenow/request.ts';
import { createServerClock } from '../../servicenow/server-clock.ts';
import { listRecords } from '../../servicenow/table.ts';
import { checkCertificate } from './check-certificate.ts';
import { checkImport } from './check-import.ts';
import { checkRoles } from './check-roles.ts';
import { checkTable } from './check-table.ts';
import { type Finding, failed, look, ok } from './finding.ts';

/** What a deployment's check needs to know. */
export type Patient = {
  /** Reads the secret's JSON. */
  readonly readSecret: () => Promise<string>;
  /** Tables to look at; `*` stands for none in particular. */
  readonly tables: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
};

/**
 * Looks at a deployment from the secret outward: its shape, the way to the instance, the grant, the clock, roles, tables,
 * import prerequisites. Reads only, and stops where nothing further can work.
 */
export async function examine(patient: Patient, context: CallContext): Promise<readonly Finding[]> {
  const secret = await checkSecret(patient);
  if (!secret.json) return [secret.finding];
  const json = secret.json;
  const { allowedHosts, proxyEnvironment, clock } = patient;
  const client = createClient({
    readSecret: async () => json,
    allowedHosts,
    proxyEnvironment,
    clock,
    maxAttempts: 2,
  });
  try {
    const reach = await checkReach(client, patient, context);
    // What is wrong inside the secret may show only where it is used, e.g. a key that does not fit its certificate.
    if (reach.some(({ subject }) => subject === 'secret')) return reach;
    if (reach.some(({ state }) => state === 'failed')) return [secret.finding, ...reach];
    return [
      secret.finding,
      ...reach,
      ...checkCertificate(parseConnectionSecret(json).tls, clock),
      await checkRoles(client, context),
      ...(await checkTables(client, patient, context)),
    ];
  } finally {
    await client.close();
  }
}

async function checkSecret(patient: Patient): Promise<{ readonly finding: Finding; readonly json?: string }> {
  try {
    const json = await patient.readSecret();
    const { auth, tls, instanceUrl, proxyUrl } = parseConnectionSecret(json);
    const { origin } = parseInstanceUrl(instanceUrl, patient.allowedHosts);
    const parts = [auth?.type, tls?.cert ? 'client certificate' : undefined, proxyUrl ? 'proxy' : undefined];
    return { finding: ok('secret', `${origin}, ${parts.filter(Boolean).join(' + ')}`), json };
  } catch (error) {
    if (error instanceof ConnectorError) return { finding: failed('secret', error) };
    throw error;
  }
}

/** One call shows the way there, the grant and the instance's time. A refusal of the table itself still shows all three. */
async function checkReach(
  client: ServiceNowClient,
  patient: Patient,
  context: CallContext,
): Promise<readonly Finding[]> {
  const table = patient.tables.find((name) => name !== '*') ?? 'sys_user';
  try {
    const { response } = await listRecords(client, { table, limit: 1, fields: ['sys_id'] }, context);
    return [
      ok('reach', 'the instance answers'),
      ok('grant', 'credentials are accepted'),
      checkTime(response.headers['date'], patient.clock),
    ];
  } catch (error) {
    if (error instanceof ConnectorError) return reachDespite(error, patient.clock);
    throw error;
  }
}

const refusalsOfCredentials = new Set(['CREDENTIALS_REJECTED', 'SCOPE_MISSING']);
const refusalsOfTable = new Set(['ACCESS_DENIED', 'INVALID_TABLE']);

/** How far the first call got before it failed. */
function reachDespite(error: ConnectorError, clock: Clock): readonly Finding[] {
  if (error.code === 'CONFIGURATION_INVALID') return [failed('secret', error)];
  const answers = ok('reach', 'the instance answers');
  if (refusalsOfCredentials.has(error.code)) return [answers, failed('grant', error, grantRemedy(error))];
  if (!refusalsOfTable.has(error.code)) return [failed('reach', error)];
  const date = error instanceof ServiceNowError ? error.headers['date'] : undefined;
  return [answers, ok('grant', 'credentials are accepted'), checkTime(date, clock)];
}

/** Whether the grant itself was refused or the token that it gave is for somebody else to mend. */
function grantRemedy({ cause }: ConnectorError): string | undefined {
  if (!(cause instanceof ServiceNowError) || cause.path !== tokenPath) return undefined;
  return 'check clientId, clientSecret and what else proves the grant; the OAuth application and its user must be active, the grant switched on (for client credentials glide.oauth.inbound.client.credential.grant_type.enabled), and this machine’s clock right';
}

/** Beyond this a signed assertion is near ServiceNow's own tolerance of 300 s. */
const noticeableSkewMs = 60_000;

function checkTime(date: string | undefined, clock: Clock): Finding {
  const serverClock = createServerClock();
  serverClock.observe(date, clock.now());
  const seconds = Math.round(serverClock.skewMs() / 1000);
  if (Math.abs(serverClock.skewMs()) < noticeableSkewMs) return ok('clock', `${Math.abs(seconds)} s apart`);
  return look(
    'clock',
    `the instance is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`,
    'set the time of this machine',
  );
}

async function checkTables(
  client: ServiceNowClient,
  patient: Patient,
  context: CallContext,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const table of patient.tables.filter((name) => name !== '*')) {
    findings.push(await checkTable(client, table, context), ...(await checkImport(client, table, context)));
  }
  return findings;
}
