import { ConnectorError } from '../core/errors.ts';
import { type ServiceNowRecord, textOf } from '../servicenow/answers.ts';
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
      return warning('roles', 'none visible', 'give the integration user the roles that its tables need');
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

/** Can the user read this table? ServiceNow hides rows silently, so the count is compared with the rows returned (docs/servicenow-contract.md 1.4). */
export async function checkTable(
  client: ServiceNowClient,
  table: string,
  context: CallContext,
): Promise<Finding> {
  const subject = `table ${table}`;
  try {
    const { records, totalCount = 0 } = await listRecords(
      client,
      { table, limit: 1, fields: ['sys_id'] },
      context,
    );
    if (records.length > 0) return ok(subject, `readable, ${totalCount} rows`);
    if (totalCount === 0) return ok(subject, 'readable, no rows');
    return warning(
      subject,
      `${totalCount} rows exist but none is returned`,
      'access controls hide them: give the integration user a role that may read this table, e.g. itil for tasks',
    );
  } catch (error) {
    if (error instanceof ConnectorError) return failed(subject, error, tableAdvice(error));
    throw error;
  }
}

/** What concerns this table alone may be due to its name, which comes from a setting. */
function tableAdvice({ scope, advice }: ConnectorError): string | undefined {
  if (scope === 'instance') return undefined;
  return `${advice ?? 'correct the name of the table'}; the tables are listed in ALLOWED_TABLES`;
}

/** What a staging table needs before rows can be imported through it. No finding for other tables. */
export async function checkImport(
  client: ServiceNowClient,
  table: string,
  context: CallContext,
): Promise<readonly Finding[]> {
  const read = (from: string, field: string, value: string, fields: readonly string[]) =>
    listRecords(
      client,
      { table: from, query: encodedQuery().where(field, '=', value), fields, limit: 10 },
      context,
    );
  try {
    const described = await read('sys_db_object', 'name', table, ['super_class.name']);
    if (textOf(described.records[0], 'super_class.name') !== 'sys_import_set_row') return [];
    const maps = await read('sys_transform_map', 'source_table', table, ['name', 'active', 'target_table']);
    const rules = await read('sys_rest_insert_multiple', 'source_table', table, ['sys_id']);
    return [transformMaps(table, maps.records), keysOfInsertMultiple(table, rules.records)];
  } catch (error) {
    if (error instanceof ConnectorError) return [unreadable(table, error)];
    throw error;
  }
}

function transformMaps(table: string, maps: readonly ServiceNowRecord[]): Finding {
  const subject = `import ${table}`;
  const active = maps.filter((map) => map['active'] !== 'false');
  const names = active.map((map) => `${textOf(map, 'name')} → ${textOf(map, 'target_table')}`);
  if (names.length > 0) return ok(subject, `transform map ${names.join(', ')}`);
  return {
    subject,
    state: 'failed',
    found: 'no active transform map',
    todo: `create a transform map with ${table} as its source`,
  };
}

function keysOfInsertMultiple(table: string, rules: readonly ServiceNowRecord[]): Finding {
  const subject = `import ${table}`;
  if (rules.length > 0) return ok(subject, 'insertMultiple has its own rule for this table');
  const todo = 'either send column labels, or add a row for this table in sys_rest_insert_multiple';
  return warning(subject, 'insertMultiple takes column labels, not names', todo);
}

function unreadable(table: string, error: ConnectorError): Finding {
  const todo =
    'give the integration user the role import_transformer, or ask an administrator to check the transform map';
  if (error.code !== 'ACCESS_DENIED' && error.code !== 'INVALID_TABLE')
    return failed(`import ${table}`, error);
  return {
    subject: `import ${table}`,
    state: 'skipped',
    found: 'the user may not read the import settings',
    todo,
  };
}
