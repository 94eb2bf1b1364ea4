import { negotiated } from '../../http/media-types.ts';
import type { Route } from '../../http/router.ts';
import { createRecord } from './create-record.ts';
import { deleteRecord } from './delete-record.ts';
import { getRecord } from './get-record.ts';
import { listRecords } from './list-records.ts';
import { updateRecord } from './update-record.ts';

const oneRecord = {
  GET: negotiated(getRecord),
  PUT: negotiated(updateRecord),
  PATCH: negotiated(updateRecord),
  DELETE: negotiated(deleteRecord),
};

export const tableRoutes: readonly Route[] = [
  { path: 'table/:table', methods: { GET: negotiated(listRecords), POST: negotiated(createRecord) } },
  { path: 'table/:table/:sysId', methods: oneRecord },
];
