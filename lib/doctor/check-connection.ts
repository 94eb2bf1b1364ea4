import type { Clock } from '../core/clock.ts';
import { ConnectorError } from '../core/errors.ts';
import { tokenPath } from '../servicenow/auth/token.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { listRecords } from '../servicenow/records.ts';
import type { TlsSettings } from '../servicenow/secret.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';
import { lifeOfOwnCertificate } from '../servicenow/transport/dispatcher.ts';
import { createServerClock } from '../servicenow/transport/exchange.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

/** One call tests the network path, the grant and the clock. A refusal of the table itself still tests all three. */
export async function checkReach(
  client: ServiceNowClient,
  table: string,
  clock: Clock,
  context: CallContext,
): Promise<readonly Finding[]> {
  try {
    const { response } = await listRecords(client, { table, limit: 1, fields: ['sys_id'] }, context);
    return [
      ok('reach', 'the instance answers'),
      ok('grant', 'credentials are accepted'),
      checkTime(response.headers['date'], clock),
    ];
  } catch (error) {
    if (error instanceof ConnectorError) return reachDespite(error, clock);
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

/** Who has to act depends on what was refused: the grant itself, a user who needs a second factor, or the user's password. */
function grantRemedy({ cause }: ConnectorError): string | undefined {
  if (!(cause instanceof ServiceNowError)) return undefined;
  if ('x-mfa_token' in cause.headers)
    return 'this user needs a second factor, which a function cannot provide; use OAuth or a user without one';
  if (cause.path !== tokenPath) return undefined;
  return 'check clientId, clientSecret and the other credentials of the grant; the OAuth application and its user must be active, the grant enabled (for client credentials: glide.oauth.inbound.client.credential.grant_type.enabled), and this machine’s clock correct';
}

/** Beyond this a signed assertion is near ServiceNow's own tolerance of 300 s. */
const noticeableSkewMs = 60_000;

function checkTime(date: string | undefined, clock: Clock): Finding {
  const serverClock = createServerClock();
  serverClock.observe(date, clock.now());
  const seconds = Math.round(serverClock.skewMs() / 1000);
  if (Math.abs(serverClock.skewMs()) < noticeableSkewMs) return ok('clock', `${Math.abs(seconds)} s apart`);
  return warning(
    'clock',
    `the instance is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`,
    'set the time of this machine',
  );
}

const dayMs = 86_400_000;
/** Time to order a certificate and have it mapped to a user. */
const noticeDays = 30;

/** When does the client certificate expire? No finding for a secret without one. */
export function checkCertificate(tls: TlsSettings | undefined, clock: Clock): readonly Finding[] {
  const life = lifeOfOwnCertificate(tls);
  if (!life) return [];
  const daysLeft = Math.floor((life.toMs - clock.now()) / dayMs);
  const found = `the client certificate expires on ${new Date(life.toMs).toISOString().slice(0, 10)}`;
  if (daysLeft >= noticeDays) return [ok('certificate', found)];
  return [
    warning(
      'certificate',
      found,
      'before then, map a new certificate to the user and store it in the secret',
    ),
  ];
}
