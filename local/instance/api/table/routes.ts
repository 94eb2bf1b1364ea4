import type { Route } from '../../http/router.ts';
import { createRecord } from './create-record.ts';
import { getRecord } from './get-record.ts';
import { listRecords } from './list-records.ts';

export const tableRoutes: readonly Route[] = [
  { path: 'table/:table', methods: { GET: listRecords, POST: createRecord } },
  { path: 'table/:table/:sysId', methods: { GET: getRecord } },
];
