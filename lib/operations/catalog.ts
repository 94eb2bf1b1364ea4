import { getAggregateRecord } from './aggregate.ts';
import type { Operation } from './define-operation.ts';
import { getRecordsStagingTable, postRecordStagingTable, postRecordsStagingTable } from './import-set.ts';
import {
  deleteRecordById,
  getRecordById,
  getRecords,
  patchRecordById,
  postRecord,
  putRecordById,
} from './table.ts';

/** Every operation. The template's functions and routes are made from this list. */
export const operations: readonly Operation[] = [
  getRecords,
  getRecordById,
  postRecord,
  putRecordById,
  patchRecordById,
  deleteRecordById,
  getAggregateRecord,
  postRecordStagingTable,
  postRecordsStagingTable,
  getRecordsStagingTable,
];
