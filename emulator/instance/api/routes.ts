import { getStats } from './aggregate/get-stats.ts';
import { insertMultiple } from './import/insert-multiple.ts';
import { getResult, insertRow } from './import/one-row.ts';
import { type Apis, negotiated, type Route } from './router.ts';
import { listRecords } from './table/list-records.ts';
import { createRecord, deleteRecord, getRecord, updateRecord } from './table/one-record.ts';

const oneRecord = {
  GET: negotiated(getRecord),
  PUT: negotiated(updateRecord),
  PATCH: negotiated(updateRecord),
  DELETE: negotiated(deleteRecord),
};

const tableRoutes: readonly Route[] = [
  { path: 'table/:table', methods: { GET: negotiated(listRecords), POST: negotiated(createRecord) } },
  { path: 'table/:table/:sysId', methods: oneRecord },
];

const aggregateRoutes: readonly Route[] = [{ path: 'stats/:table', methods: { GET: negotiated(getStats) } }];

/** The Import Set API. */
const importRoutes: readonly Route[] = [
  { path: 'import/:stagingTable', methods: { POST: negotiated(insertRow) } },
  { path: 'import/:stagingTable/insertMultiple', methods: { POST: negotiated(insertMultiple, 'json') } },
  { path: 'import/:stagingTable/:sysId', methods: { GET: negotiated(getResult) } },
];

/** Every action under `/api`; the name spaces other than `now` begin with `@`. */
export const apis: Apis = {
  table: () => tableRoutes,
  stats: () => aggregateRoutes,
  import: () => importRoutes,
  // Loaded when they are first asked for, as few runs of the instance are.
  attachment: async () => (await import('./attachment/routes.ts')).attachmentRoutes,
  batch: async () => (await import('./batch.ts')).batchRoutes,
  cmdb: async () => (await import('./cmdb.ts')).cmdbRoutes,
  tinyurl: async () => (await import('./tiny-url.ts')).tinyUrlRoutes,
  '@sn_sc': async () => (await import('./service-catalog.ts')).serviceCatalogRoutes,
  '@global': async () => (await import('./events.ts')).eventRoutes,
};
