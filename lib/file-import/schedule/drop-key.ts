import { isTableName } from '../../servicenow/names.ts';

export type DropFormat = 'csv' | 'tsv' | 'jsonl';

/** What a key under `imports/` says about the file behind it. */
export type Drop = {
  /** The staging table, from the first folder. */
  readonly table: string;
  /** Sub-folders and file name without its endings: where the results go. */
  readonly name: string;
  readonly format: DropFormat;
  readonly gzip: boolean;
};

/** A key that is none of our business, and why. */
export type NotADrop = { readonly ignored: string };

const dropPattern = /^imports\/([^/]+)\/(.+)$/;
const endingPattern = /\.(csv|tsv|jsonl)(\.gz)?$/i;

/**
 * Reads a decoded object key of the form `imports/{stagingTable}/[sub/]{name}.csv|.tsv|.jsonl[.gz]`.
 * Folders, settings and everything that is not such a file come back as `ignored` with the reason.
 */
export function parseDropKey(key: string): Drop | NotADrop {
  const [, table, file] = dropPattern.exec(key) ?? [];
  if (table === undefined || file === undefined) return { ignored: 'not below imports/{stagingTable}/' };
  if (file.endsWith('/')) return { ignored: 'a folder' };
  if (file.endsWith('_import.json')) return { ignored: 'settings, not data' };
  if (!isTableName(table)) return { ignored: `${JSON.stringify(table)} is no table name` };
  const ending = endingPattern.exec(file);
  if (!ending) return { ignored: 'the name ends in none of .csv .tsv .jsonl, with or without .gz' };
  return {
    table,
    name: file.slice(0, ending.index),
    format: formatOf(ending[1]),
    gzip: ending[2] !== undefined,
  };
}

function formatOf(ending: string | undefined): DropFormat {
  const lower = ending?.toLowerCase();
  return lower === 'tsv' || lower === 'jsonl' ? lower : 'csv';
}
