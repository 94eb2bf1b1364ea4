import type { Clock } from '../../core/clock.ts';
import type { ImportFolder } from '../folder.ts';
import { emptyTally, type Tally } from '../load/row-outcome.ts';
import { executionName, type ImportRequest } from '../schedule/import-request.ts';

/** `progress.json`, rewritten about once a second while an import runs. */
export type ImportProgress = {
  readonly importId: string;
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
  const importId = executionName(request);
  const bytes = { read: 0, total: 0 };
  const version = request.versionId ?? request.eTag;
  return { importId, version, phase, startedAt: request.droppedAt, bytes, rows: 0, counts: emptyTally() };
}
