import { postRecordsStagingTable } from '../lib/operations/import-set.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Puts many rows into a staging table in one call; their results are read later.
 *
 * HTTP: `POST /api/now[/v1|/v2]/import/{tableName}/insertMultiple`, the body being `{ "records": [row, …] }`, each row a
 * JSON object of texts, numbers and booleans whose keys are column labels unless the instance is set up for names. Answers 201 with
 * `{ import_set_id, multi_import_set_id }`.
 *
 * Direct Invoke: `{ tableName, records, multiImportSetId?, runAfter?, apiVersion?, instance? }`. Answers
 * `{ result: { import_set_id, multi_import_set_id } }`.
 */
export const handler = keyedOperationHandler(postRecordsStagingTable);
