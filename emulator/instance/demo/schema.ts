import { roleTables } from '../auth/tables.ts';
import { rateLimitTable } from '../control/rate-limit-rules.ts';
import { attachmentTables } from '../schema/attachment-tables.ts';
import { Schema } from '../schema/schema.ts';
import { systemTables } from '../schema/system-tables.ts';
import { importTables } from '../transform/tables.ts';
import { cmdbTables } from './tables/cmdb.ts';
import { itsmTables } from './tables/itsm.ts';
import { peopleTables } from './tables/people.ts';
import { catalogTables, platformTables } from './tables/platform.ts';
import { stagingTables } from './tables/staging.ts';
import { taskTable } from './tables/task.ts';

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
    ...itsmTables,
    ...catalogTables,
    ...importTables,
    ...stagingTables,
  ]) {
    schema.add(table);
  }
  return schema;
}
