/** `key` as in serverless.yml, `file` relative to the root of the project. */
export type PackagedFunction = { readonly key: string; readonly file: string };

/**
 * Every Lambda function: its key in serverless.yml and the file that exports its `handler`.
 * The bundle of a function lands in `dist/<key>/index.mjs`.
 */
export const functions: readonly PackagedFunction[] = [
  { key: 'getRecords', file: 'functions/table/get-records.ts' },
  { key: 'getRecordById', file: 'functions/table/get-record-by-id.ts' },
  { key: 'postRecord', file: 'functions/table/post-record.ts' },
  { key: 'putRecordById', file: 'functions/table/put-record-by-id.ts' },
  { key: 'patchRecordById', file: 'functions/table/patch-record-by-id.ts' },
  { key: 'deleteRecordById', file: 'functions/table/delete-record-by-id.ts' },
  { key: 'getAggregateRecord', file: 'functions/aggregate/get-aggregate-record.ts' },
  { key: 'postRecordStagingTable', file: 'functions/import-set/post-record-staging-table.ts' },
  { key: 'postRecordsStagingTable', file: 'functions/import-set/post-records-staging-table.ts' },
  { key: 'getRecordsStagingTable', file: 'functions/import-set/get-records-staging-table.ts' },
  { key: 'writeRecords', file: 'functions/queue/write-records.ts' },
  { key: 'startImport', file: 'functions/csv/start-import.ts' },
  { key: 'importCsv', file: 'functions/csv/import-csv.ts' },
  { key: 'doctor', file: 'functions/operations/doctor.ts' },
];
