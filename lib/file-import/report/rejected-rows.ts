import { InvalidInputError } from '../../core/errors.ts';
import { readLedger } from '../load/ledger.ts';
import type { ImportPlan } from '../plan.ts';
import type { ObjectBytes } from '../read/content.ts';
import { RawRecords } from '../read/raw-records.ts';
import { groupName, type ImportFolder, type WorkKind } from '../work-folder.ts';

/** A row that did not arrive, as it stands in the file. */
export type RejectedRecord = { readonly line: number; readonly reason: string; readonly raw: Uint8Array };

/** Where the rows are found. */
export type RejectedSource = {
  readonly folder: ImportFolder;
  readonly plan: ImportPlan;
  readonly object: ObjectBytes;
  readonly groups: number;
  /** Names of what there is below `work/`. */
  readonly held: ReadonlySet<string>;
};

/**
 * The rows that we rejected and those that failed in ServiceNow, by line. The latter are read once more from the file;
 * when it is gone by now, only the former come.
 */
export async function* rejectedRows(source: RejectedSource): AsyncGenerator<RejectedRecord> {
  const records = new RawRecords(source.plan, source.object);
  try {
    for (let group = 0; group < source.groups; group++) {
      const rejected = await readRejected(source, group);
      const failed = await readFailed(source, group);
      const from = failed.size > 0 ? (await readLedger(source.folder, group))?.from : undefined;
      if (from) yield* merge(rejected, failedRows(records, from, failed));
      else yield* rejected;
    }
  } finally {
    await records.close();
  }
}

async function* merge(
  rejected: readonly RejectedRecord[],
  failed: AsyncIterable<RejectedRecord>,
): AsyncGenerator<RejectedRecord> {
  let next = 0;
  for await (const row of failed) {
    for (let other = rejected[next]; other && other.line < row.line; other = rejected[++next]) yield other;
    yield row;
  }
  yield* rejected.slice(next);
}

async function* failedRows(
  records: RawRecords,
  from: { readonly byte: number; readonly line: number },
  failed: ReadonlyMap<number, string>,
): AsyncGenerator<RejectedRecord> {
  let left = failed.size;
  try {
    for await (const { line, raw } of records.from(from)) {
      const reason = failed.get(line);
      if (reason === undefined) continue;
      yield { line, reason, raw };
      if (--left === 0) return;
    }
  } catch (error) {
    // The file was replaced or is damaged: its rows cannot be given back, results.csv still names them.
    if (!(error instanceof InvalidInputError)) throw error;
  }
}

async function readRejected(source: RejectedSource, group: number): Promise<RejectedRecord[]> {
  const stored = await readHeld(source, 'rejected', group);
  return (stored?.split('\n') ?? []).map((text) => {
    const { line, reason, raw }: { line: number; reason: string; raw: string } = JSON.parse(text);
    return { line, reason, raw: Buffer.from(raw, 'base64') };
  });
}

async function readFailed(source: RejectedSource, group: number): Promise<Map<number, string>> {
  const stored = await readHeld(source, 'failed', group);
  const pairs: [number, string][] = stored === undefined ? [] : JSON.parse(stored);
  return new Map(pairs);
}

/** Most groups have nothing of the kind, which need not be asked for. */
async function readHeld(
  { folder, held }: RejectedSource,
  kind: WorkKind,
  group: number,
): Promise<string | undefined> {
  const name = groupName(kind, group);
  return held.has(name) ? folder.read(name) : undefined;
}
