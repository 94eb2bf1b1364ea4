import { ConnectorError } from '../core/errors.ts';

/** What one look at a deployment gave. */
export type Finding = {
  /** What was looked at: `secret`, `reach`, `table incident`, … */
  readonly subject: string;
  /** `look` means it may be meant so; `failed` means it does not work. */
  readonly state: 'ok' | 'look' | 'failed' | 'skipped';
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
};

/** All is well with this. */
export function ok(subject: string, found: string): Finding {
  return { subject, state: 'ok', found };
}

/** Works, but somebody should look at it. */
export function look(subject: string, found: string, todo: string): Finding {
  return { subject, state: 'look', found, todo };
}

/** An error as a finding. Messages of our errors say what to do and hold no secret; of any other only the kind is told. */
export function failed(subject: string, error: unknown, todo?: string): Finding {
  const known = error instanceof ConnectorError;
  const found = known
    ? `${error.code}: ${error.message}`
    : `unexpected ${error instanceof Error ? error.name : 'error'}`;
  const advice = todo ?? (known ? advices[error.code] : undefined);
  return { subject, state: 'failed', found, ...(advice ? { todo: advice } : {}) };
}

const advices: Readonly<Record<string, string>> = {
  SECRET_UNAVAILABLE: 'set AWS_REGION and AWS credentials, and see that Secrets Manager can be reached',
  CONFIGURATION_INVALID: 'correct the secret, then run this again',
  INVALID_INPUT: 'correct the name in ALLOWED_TABLES',
  DEADLINE_EXCEEDED: 'run this again; if it stays so, the instance is too slow or the network loses packets',
  CONNECTION_FAILED: 'check the network path: VPC, NAT, security group, proxy, NO_PROXY, certificates',
  INSTANCE_ASLEEP: 'wake the instance: sign in to developer.servicenow.com',
  INSTANCE_UNAVAILABLE: 'wait until the instance is up again',
  NOT_SERVICENOW: 'check instanceUrl in the secret, and that the path /api needs no single sign-on',
  CREDENTIALS_REJECTED:
    'sign in by hand as this user; it must be active, not locked out, and with basic auth hold snc_basic_auth_api_access where that is restricted',
  SCOPE_MISSING: 'set "scope": "useraccount" in the secret and on the OAuth application',
  ACCESS_DENIED:
    'give the integration user a role that may read this table, or take the table off ALLOWED_TABLES',
  INVALID_TABLE: 'correct the name in ALLOWED_TABLES',
};
