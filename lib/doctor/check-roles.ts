import { ConnectorError } from '../core/errors.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { listRecords } from '../servicenow/records.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

/** Lists the user's roles: most refusals are due to a missing one. */
export async function checkRoles(client: ServiceNowClient, context: CallContext): Promise<Finding> {
  try {
    const { records } = await listRecords(
      client,
      {
        table: 'sys_user_has_role',
        query: encodedQuery().isCaller('user'),
        fields: ['role.name'],
        limit: 200,
      },
      context,
    );
    const roles = [...new Set(records.map((record) => String(record['role.name'] ?? '')))]
      .filter(Boolean)
      .sort();
    if (roles.length === 0)
      return warning('roles', 'none visible', 'give the integration user the roles its tables need');
    if (!roles.includes('admin')) return ok('roles', roles.join(', '));
    return warning(
      'roles',
      roles.join(', '),
      'an integration does not need admin; give it the roles of its tables instead',
    );
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    if (error.code !== 'ACCESS_DENIED' && error.code !== 'INVALID_TABLE') return failed('roles', error);
    return { subject: 'roles', state: 'skipped', found: 'the user may not read its own roles' };
  }
}
