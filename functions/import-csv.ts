import { importHandler } from '../lib/runtime.ts';

/**
 * Imports one dropped file: its rows go to the staging table, and every line gets a verdict.
 *
 * A durable function, started with `{ request }` (see `importRequestSchema`) when the file may load, and by itself with
 * `{ request, resume }` when a file needs more than one execution. Answers the summary that it also stores as
 * `summary.json` in the import's results folder, next to `results.csv`, `rejected.csv` and `report.html`.
 */
export const handler = importHandler();
