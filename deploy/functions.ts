/** `key` as in serverless.yml, `file` relative to the root of the project. */
export type PackagedFunction = { readonly key: string; readonly file: string };

/**
 * Every Lambda function: its key in serverless.yml and the file that exports its `handler`.
 * The bundle of a function lands in `dist/<key>/index.mjs`.
 */
export const functions: readonly PackagedFunction[] = [
  { key: 'getRecords', file: 'functions/get-records.ts' },
  { key: 'getRecordById', file: 'functions/get-record-by-id.ts' },
  { key: 'postRecord', file: 'functions/post-record.ts' },
  { key: 'putRecordById', file: 'functions/put-record-by-id.ts' },
  { key: 'patchRecordById', file: 'functions/patch-record-by-id.ts' },
  { key: 'deleteRecordById', file: 'functions/delete-record-by-id.ts' },
  { key: 'getAggregateRecord', file: 'functions/get-aggregate-record.ts' },
  { key: 'postRecordStagingTable', file: 'functions/post-record-staging-table.ts' },
  { key: 'postRecordsStagingTable', file: 'functions/post-records-staging-table.ts' },
  { key: 'getRecordsStagingTable', file: 'functions/get-records-staging-table.ts' },
  { key: 'writeRecords', file: 'functions/write-records.ts' },
  { key: 'startImport', file: 'functions/start-import.ts' },
  { key: 'importCsv', file: 'functions/import-csv.ts' },
  { key: 'doctor', file: 'functions/doctor.ts' },
];
