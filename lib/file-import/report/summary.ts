import type { Clock } from '../../core/clock.ts';
import type { Outcome } from '../../outcomes/outcomes.ts';
import type { ImportFolder } from '../folder.ts';
import { emptyTally, type FrequentMessage, type Tally } from '../load/row-outcome.ts';
import { visibleText } from '../plan/column-text.ts';
import { type ImportPlan, isPlain } from '../plan/import-plan.ts';
import { columnOf } from '../plan/map-columns.ts';
import type { ImportSettings } from '../plan/settings.ts';
import type { StagingTable } from '../plan/staging-table.ts';
import type { InspectedFile } from '../read/inspect-file.ts';
import { executionName, type ImportRequest } from '../schedule/import-request.ts';

/** `summary.json`. `counts` add up to `lines.rows`. */
export type ImportSummary = {
  readonly schemaVersion: 1;
  /**
   * - `completed`: every row was sent and looked up; see `counts` for how it went.
   * - `stopped`: ended before the end of the file, for `reason`.
   * - `refused`: the pre-flight failed for `reason`; nothing was sent.
   * - `superseded`: a newer version of the key had arrived before this one; nothing was sent.
   */
  readonly status: 'completed' | 'stopped' | 'refused' | 'superseded';
  readonly reason?: string;
  readonly source: Pick<ImportRequest, 'bucket' | 'key' | 'versionId' | 'eTag' | 'size' | 'droppedAt'>;
  /** The instance by its name in the deployment. */
  readonly instance?: string;
  readonly stagingTable: string;
  /** When work on the file began. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** `waiting`: from the drop until work began. */
  readonly seconds: {
    readonly waiting: number;
    readonly loading: number;
    readonly verdicts: number;
    readonly total: number;
  };
  /** Records of the file and how they ended; blank lines and the header are not among them. */
  readonly lines: { readonly rows: number; readonly blank: number };
  readonly counts: Tally;
  /** Rows that were inserted, updated or there already; not those that a transform script ignored. */
  readonly arrived?: number;
  readonly messages: readonly FrequentMessage[];
  readonly importSets: { readonly count: number; readonly first: readonly string[] };
  /** Lambda executions that the import took; 0 where none wrote this. */
  readonly executions: number;
  readonly settings?: ImportSettings;
  /** How the file was read, and where its columns went. */
  readonly file?: FileFacts;
  /** Tables that the transform maps fill, where the user may see them. */
  readonly targetTables?: readonly string[];
  /** Keys of the result files. */
  readonly results: Readonly<Record<string, string>>;
};

/** True where the import itself wrote its result, not what answered for it. */
export function isOwnResult({ executions }: Pick<ImportSummary, 'executions'>): boolean {
  return executions > 0;
}

/** How a file was read. */
export type FileFacts = {
  /** WHATWG name. */
  readonly encoding: string;
  readonly delimiter?: string;
  /** Columns of the file, and the staging column that each goes to; absent for JSON Lines, where each row names its own. */
  readonly columns?: readonly { readonly header: string; readonly column?: string }[];
  /** Of a file that was refused for its columns: those of the staging table. */
  readonly stagingColumns?: readonly { readonly name: string; readonly label: string }[];
};

/** What is known of a planned file. */
export function factsOf({ content, row }: Pick<ImportPlan, 'content' | 'row'>): FileFacts {
  const encoding = content.encoding.name;
  if (content.format === 'jsonl') return { encoding };
  const columns = row.header.map((header, i) => {
    const column = row.targets[i]?.column;
    return { header, ...(column === undefined ? {} : { column }) };
  });
  return { encoding, delimiter: content.delimiter, columns };
}

/** What is known of a file whose columns cannot be mapped: each is mapped by itself, as far as that goes and its name is its own. */
export function factsOfRefused(
  { content, header }: InspectedFile,
  staging: StagingTable,
  settings: ImportSettings,
): FileFacts {
  const namesakes = Map.groupBy(header, visibleText);
  const columns = header.map((name) => {
    const own = columnOf(name, staging, settings);
    const isShared = (namesakes.get(visibleText(name))?.length ?? 0) > 1;
    const column = isShared && own !== '' ? undefined : own;
    return { header: name, ...(column === undefined ? {} : { column }) };
  });
  const stagingColumns = staging.columns.map(({ name, label }) => ({ name, label }));
  const encoding = content.encoding.name;
  if (content.format === 'jsonl') return { encoding, stagingColumns };
  return { encoding, delimiter: content.delimiter, columns, stagingColumns };
}

/** Rows that were inserted, updated, or there already. Rows that a transform script ignored are none of these. */
export function arrivedRows(summary: Pick<ImportSummary, 'arrived' | 'counts' | 'messages'>): number {
  const { arrived, counts, messages } = summary;
  if (arrived !== undefined) return arrived;
  // Summaries of earlier releases do not say; their messages are the most frequent ones only.
  const byScript = messages.filter(({ outcome }) => outcome === 'ignored');
  const left = byScript.reduce((sum, { count }) => sum + count, 0);
  return counts.inserted + counts.updated + counts.ignored - left;
}

/** True when the file was imported to its end and every row arrived. */
export function isAllWell(summary: ImportSummary): boolean {
  return summary.status === 'completed' && arrivedRows(summary) === summary.lines.rows;
}

/** `progress.json`, rewritten about once a second while an import runs. */
export type ImportProgress = {
  readonly importId: string;
  /** The object's; absent in what earlier releases wrote. */
  readonly key?: string;
  /** The version of the object; its ETag where the bucket keeps no versions. */
  readonly version: string;
  readonly phase: 'waiting' | 'pre-flight' | 'loading' | 'verdicts' | 'done';
  readonly updatedAt: string;
  /** When work on the file began; while it waits for its turn, when it was dropped. */
  readonly startedAt: string;
  /** Of the object (of its content where that is compressed or transcoded). */
  readonly bytes: { readonly read: number; readonly total: number };
  /** Rows sent, refused or rejected so far. */
  readonly rows: number;
  readonly counts: Tally;
};

const periodMs = 1_000;

export type ProgressWriter = {
  /** Stores what `progress` gives unless it was stored less than a second ago. Never fails: it is only there to be looked at. */
  show(progress: () => Omit<ImportProgress, 'updatedAt'>): void;
  /** Stores it now. */
  store(progress: Omit<ImportProgress, 'updatedAt'>): Promise<void>;
};

/** Writes `progress.json` now and then, and never two at a time. */
export function progressWriter(folder: ImportFolder, clock: Clock): ProgressWriter {
  let storedAtMs = 0;
  let storing: Promise<void> | undefined;
  const write = (progress: Omit<ImportProgress, 'updatedAt'>) => {
    storedAtMs = clock.now();
    const updatedAt = new Date(storedAtMs).toISOString();
    return folder.write('progress.json', JSON.stringify({ ...progress, updatedAt }));
  };
  return {
    show(progress) {
      if (storing || clock.now() - storedAtMs < periodMs) return;
      storing = write(progress())
        .catch(() => undefined)
        .finally(() => {
          storing = undefined;
        });
    },
    async store(progress) {
      await storing;
      await write(progress);
    },
  };
}

/** What `progress.json` says of an import that has not read its file. */
export function progressAtFirst(
  request: ImportRequest,
  phase: ImportProgress['phase'],
): Omit<ImportProgress, 'updatedAt'> {
  const bytes = { read: 0, total: 0 };
  return {
    ...importedObject(request),
    phase,
    startedAt: request.droppedAt,
    bytes,
    rows: 0,
    counts: emptyTally(),
  };
}

/** What `progress.json` says of an import in this state, with `doneInGroup` rows more, read up to `byte`. */
export function progressOf(
  request: ImportRequest,
  state: {
    readonly startedAt: string;
    readonly rows: number;
    readonly rejected: number;
    readonly tally: Tally;
  },
  plan: ImportPlan,
  phase: ImportProgress['phase'],
  doneInGroup: number,
  byte: number,
): Omit<ImportProgress, 'updatedAt'> {
  return {
    ...importedObject(request),
    phase,
    startedAt: state.startedAt,
    bytes: { read: byte, total: isPlain(plan.content) ? request.size : 0 },
    rows: state.rows + state.rejected + doneInGroup,
    counts: state.tally,
  };
}

/** Which object `progress.json` is about. */
export function importedObject(request: ImportRequest) {
  const { key, versionId, eTag } = request;
  return { importId: executionName(request), key, version: versionId ?? eTag };
}

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
