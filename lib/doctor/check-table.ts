import { ConnectorError } from '../core/errors.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { listRecords } from '../servicenow/records.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

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
