import type { ImportRequest } from '../../../lib/file-import/schedule/import-request.ts';

/** The import of an imaginary file of the staging table `t`. */
export function importRequest(differences: Partial<ImportRequest> = {}): ImportRequest {
  return {
    bucket: 'b',
    key: 'imports/t/x.csv',
    eTag: 'e',
    size: 1,
    table: 't',
    name: 'x',
    format: 'csv',
    gzip: false,
    resultsFolder: 'results/t/x/1/',
    deployment: 'test',
    droppedAt: '2026-11-24T03:00:00.000Z',
    sequencer: '1',
    ...differences,
  };
}
