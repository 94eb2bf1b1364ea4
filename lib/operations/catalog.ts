import {
  deleteAttachmentById,
  getAttachmentById,
  getAttachmentFile,
  getAttachments,
  patchAttachmentById,
  postAttachment,
} from './attachment.ts';
import { postBatch } from './batch.ts';
import {
  deleteCmdbRelation,
  getCmdbInstance,
  patchCmdbInstance,
  postCmdbInstance,
  postCmdbRelation,
} from './cmdb.ts';
import type { Operation } from './define-operation.ts';
import { getRecordsStagingTable, postRecordStagingTable, postRecordsStagingTable } from './import-set.ts';
import { postMethodOverride } from './method-override.ts';
import { postSignal } from './post-signal.ts';
import { deleteCartItem, getServiceCatalog, postServiceCatalog, putCartItem } from './service-catalog.ts';
import {
  deleteRecordById,
  getAggregateRecord,
  getRecordById,
  getRecords,
  patchRecordById,
  postRecord,
  putRecordById,
} from './table.ts';
import { postTinyUrl } from './tiny-url.ts';

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
  getAttachments,
  getAttachmentById,
  getAttachmentFile,
  postAttachment,
  patchAttachmentById,
  deleteAttachmentById,
  getCmdbInstance,
  postCmdbInstance,
  patchCmdbInstance,
  postCmdbRelation,
  deleteCmdbRelation,
  getServiceCatalog,
  postServiceCatalog,
  putCartItem,
  deleteCartItem,
  postBatch,
  postMethodOverride,
  postTinyUrl,
  postSignal,
];
