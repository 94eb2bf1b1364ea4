import { rateLimitTable } from '../control/rate-limits.ts';
import { Schema } from '../schema/schema.ts';
import { attachmentTables, roleTables, systemTables } from '../schema/system-tables.ts';
import { importTables } from '../transform/tables.ts';
import { catalogTables } from './tables/catalog.ts';
import { changeTables } from './tables/change.ts';
import { cmdbTables } from './tables/cmdb.ts';
import { incidentTables } from './tables/incident.ts';
import { knowledgeTables } from './tables/knowledge.ts';
import { peopleTables } from './tables/people.ts';
import { platformTables } from './tables/platform.ts';
import { securityTables } from './tables/security.ts';
import { stagingTables } from './tables/staging.ts';
import { approvalTables, taskTable } from './tables/task.ts';

/** The tables that an instance has before others are added. */
export function demoSchema(): Schema {
  const schema = new Schema();
  for (const table of [
    ...systemTables,
    ...attachmentTables,
    ...peopleTables,
    ...roleTables,
    rateLimitTable,
    ...platformTables,
    ...cmdbTables,
    taskTable,
    ...incidentTables,
    ...securityTables,
    ...changeTables,
    ...catalogTables,
    ...approvalTables,
    ...knowledgeTables,
    ...importTables,
    ...stagingTables,
  ]) {
    schema.add(table);
  }
  return schema;
}
