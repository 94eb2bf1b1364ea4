import { isTableName } from '../../servicenow/names.ts';

export type DropFormat = 'csv' | 'tsv' | 'jsonl';

/** What a key under `imports/` says about the file behind it. */
export type Drop = {
  /** The staging table, from the first folder, in lower case: folders that differ in case only share one line. */
  readonly table: string;
  /** The first folder as it is written; its `_import.json` holds the settings. */
  readonly folder: string;
  /** Sub-folders and file name without its endings: where the results go. */
  readonly name: string;
  readonly format: DropFormat;
  readonly gzip: boolean;
};

/** A key that is no import file. A `refused` one looks like a mistake, and its uploader gets an answer; an `ignored` one does not. */
export type NotADrop = { readonly ignored: string } | { readonly refused: string };

const dropPattern = /^imports\/([^/]+)\/(.+)$/s;
const endingPattern = /\.(csv|tsv|jsonl)(\.gz)?$/i;

/**
 * Parses a decoded object key of the form `imports/{stagingTable}/[sub/]{name}.csv|.tsv|.jsonl[.gz]`.
 * Folder markers and the settings of a table are `ignored`; every other key is `refused` with the reason.
 */
export function parseDropKey(key: string): Drop | NotADrop {
  if (key.endsWith('/')) return { ignored: 'a folder' };
  const [, folder, file] = dropPattern.exec(key) ?? [];
  if (folder === undefined || file === undefined)
    return { refused: 'is not in a folder imports/{stagingTable}/ (lower case)' };
  if (!isTableName(folder)) return { refused: `${JSON.stringify(folder)} is not a table name` };
  if (file === '_import.json') return { ignored: 'settings, not data' };
  if (file.endsWith('/_import.json'))
    return { refused: `settings belong in imports/${folder}/_import.json, not in a sub-folder` };
  const ending = endingPattern.exec(file);
  if (!ending)
    return { refused: 'the file name must end in .csv, .tsv or .jsonl, optionally followed by .gz' };
  return {
    table: folder.toLowerCase(),
    folder,
    name: file.slice(0, ending.index),
    format: formatOf(ending[1]),
    gzip: ending[2] !== undefined,
  };
}

function formatOf(ending: string | undefined): DropFormat {
  const lower = ending?.toLowerCase();
  return lower === 'tsv' || lower === 'jsonl' ? lower : 'csv';
}
