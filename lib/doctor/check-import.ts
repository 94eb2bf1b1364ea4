import { ConnectorError } from '../core/errors.ts';
import { type ServiceNowRecord, textOf } from '../servicenow/answers.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { listRecords } from '../servicenow/records.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

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
    'give the integration user import_transformer, or have an administrator warning at the transform map';
  if (error.code !== 'ACCESS_DENIED' && error.code !== 'INVALID_TABLE')
    return failed(`import ${table}`, error);
  return {
    subject: `import ${table}`,
    state: 'skipped',
    found: 'the user may not read the import settings',
    todo,
  };
}
