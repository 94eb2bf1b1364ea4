import { importHandler } from '../lib/runtime.ts';

/**
 * Imports one dropped file: its rows go to the staging table, and every line comes back with a verdict.
 *
 * A durable function, started with `{ request }` (see `importRequestSchema`) when the file's turn has come, and by itself with
 * `{ request, resume }` when a file needs more than one execution. Answers the summary that it also stores as
 * `summary.json` in the import's results folder, beside `results.csv`, `rejected.csv` and `report.html`.
 */
export const handler = importHandler();
