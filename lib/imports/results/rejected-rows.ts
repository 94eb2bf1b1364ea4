import { InvalidInputError } from '../../core/errors.ts';
import { readLedger } from '../loading/ledger.ts';
import type { ImportPlan } from '../plan.ts';
import type { ObjectBytes } from '../reading/content.ts';
import { RawRecords } from '../reading/raw-records.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';

/** A row that did not arrive, as it stands in the file. */
export type RejectedRecord = { readonly line: number; readonly reason: string; readonly raw: Uint8Array };

/** Where the rows are found. */
export type RejectedSource = {
  readonly folder: ImportFolder;
  readonly plan: ImportPlan;
  readonly object: ObjectBytes;
  readonly groups: number;
};

/**
 * The rows that we rejected and those that failed in ServiceNow, by line. The latter are read once more from the file;
 * when it is gone by now, only the former come.
 */
export async function* rejectedRows({
  folder,
  plan,
  object,
  groups,
}: RejectedSource): AsyncGenerator<RejectedRecord> {
  const records = new RawRecords(plan, object);
  try {
    for (let group = 0; group < groups; group++) {
      const rejected = await readRejected(folder, group);
      const failed = await readFailed(folder, group);
      const from = failed.size > 0 ? (await readLedger(folder, group))?.from : undefined;
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

async function readRejected(folder: ImportFolder, group: number): Promise<RejectedRecord[]> {
  const part = await folder.read(groupName('rejected', group));
  return (part?.split('\n') ?? []).map((text) => {
    const { line, reason, raw }: { line: number; reason: string; raw: string } = JSON.parse(text);
    return { line, reason, raw: Buffer.from(raw, 'base64') };
  });
}

async function readFailed(folder: ImportFolder, group: number): Promise<Map<number, string>> {
  const part = await folder.read(groupName('failed', group));
  const pairs: [number, string][] = part === undefined ? [] : JSON.parse(part);
  return new Map(pairs);
}
