import type { Outcome } from '../../outcomes/outcomes.ts';
import { executionName, type ImportRequest } from '../schedule/import-request.ts';
import type { ImportSummary } from './summary.ts';

/** Which import an outcome is about. */
export function factsOfOutcome(request: ImportRequest) {
  const { bucket, key, versionId, table } = request;
  const source = { bucket, key, ...(versionId === undefined ? {} : { versionId }) };
  return { importId: executionName(request), source, stagingTable: table };
}

const typeOf = {
  completed: 'Import Finished',
  stopped: 'Import Stopped',
  refused: 'Import Refused',
  superseded: 'Import Superseded',
} as const;

/** How an import ended: counts and addresses. The reason may quote the instance, and stays in the summary. */
export function endOf(request: ImportRequest, summary: ImportSummary): Outcome {
  const { status, lines, counts, seconds, results } = summary;
  return {
    type: typeOf[status],
    ...factsOfOutcome(request),
    lines,
    counts: { ...counts },
    seconds: seconds.total,
    results: { ...results },
  };
}
