import type { IncomingHttpHeaders } from 'node:http';
import type { User } from '../http/exchange.ts';
import { notAuthenticated } from '../http/failure.ts';
import type { InstanceState } from '../state.ts';
import { hashPassword } from '../store/encode.ts';

/** @throws Failure 401, the same for every reason. */
export function authenticate(headers: IncomingHttpHeaders, state: InstanceState): User {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? '');
  if (!match?.[1]) throw notAuthenticated();
  const credentials = Buffer.from(match[1], 'base64').toString();
  const colon = credentials.indexOf(':');
  const row = state.store.select('sys_user', {
    where: 't0.user_name = ?',
    params: [credentials.slice(0, colon)],
    limit: 1,
  })[0];
  if (row?.['user_password'] !== hashPassword(credentials.slice(colon + 1))) throw notAuthenticated();
  return {
    sysId: row['sys_id'] ?? '',
    userName: row['user_name'] ?? '',
    name: row['name'] ?? '',
    timeZone: row['time_zone'] || 'UTC',
    roles: new Set(['admin']),
  };
}
