import type { S3Client } from '@aws-sdk/client-s3';
import { writeObject } from '../aws/s3.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import { type ImportFolder, importFolder } from './folder.ts';
import { emptyTally } from './load/row-outcome.ts';
import { endOf, type ImportSummary, isOwnResult, progressAtFirst } from './report/summary.ts';
import {
  type AnnouncedObject,
  folderMark,
  type ImportRequest,
  shortened,
} from './schedule/import-request.ts';

/** What answering a drop works with. */
export type AnswerDeps = {
  readonly s3: S3Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly outcomes?: Outcomes;
};

const lostReason =
  'its execution was stopped or timed out before it wrote a result; rows that it sent may be in the staging table. Check it, then drop the file again';

/**
 * Answers a drop whose execution has ended without a result. One that goes on after all replaces the answer by its own; one that
 * was there already stays.
 */
export async function noteLostImport(deps: AnswerDeps, request: ImportRequest): Promise<void> {
  const summary = answerTo(deps, request, 'stopped', lostReason);
  const folder = importFolder(deps.s3, request.bucket, request.resultsFolder);
  // Not first looked for and then stored: the import may end in between.
  const isFirst = await folder.writeIfAbsent('summary.json', asText(summary));
  if (!isFirst && (await isImported(folder))) return;
  await showAsDone(deps, folder, request);
  report(deps, request, summary);
}

/** The `summary.json` of a drop that is not imported. */
export async function answerDrop(
  deps: AnswerDeps,
  request: ImportRequest,
  status: 'refused' | 'superseded',
  reason: string,
): Promise<void> {
  const summary = answerTo(deps, request, status, reason);
  const folder = importFolder(deps.s3, request.bucket, request.resultsFolder);
  await showAsDone(deps, folder, request);
  await folder.write('summary.json', asText(summary));
  report(deps, request, summary);
}

/** Answers a drop that another version of its key has overtaken. */
export function answerSuperseded(deps: AnswerDeps, request: ImportRequest, by: string): Promise<void> {
  return answerDrop(deps, request, 'superseded', `superseded by version ${by} of the same key`);
}

/** Reports a drop whose answer cannot be written: the outcome says it, and its results do not exist. */
export function reportUnanswered(
  deps: AnswerDeps,
  request: ImportRequest,
  what: 'lost' | 'superseded',
): void {
  const status = what === 'lost' ? 'stopped' : 'superseded';
  report(deps, request, answerTo(deps, request, status, 'its answer could not be written'));
}

function report({ log, outcomes }: AnswerDeps, request: ImportRequest, summary: ImportSummary): void {
  const { status, reason } = summary;
  log.warn('drop-not-imported', { caller: request.droppedBy, key: request.key, status, reason });
  outcomes?.report(endOf(request, summary));
}

async function isImported(folder: ImportFolder): Promise<boolean> {
  const stored = await folder.read('summary.json');
  return stored !== undefined && isOwnResult(JSON.parse(stored));
}

async function showAsDone(
  { clock }: AnswerDeps,
  folder: ImportFolder,
  request: ImportRequest,
): Promise<void> {
  const updatedAt = new Date(clock.now()).toISOString();
  await folder.write('progress.json', JSON.stringify({ ...progressAtFirst(request, 'done'), updatedAt }));
}

function asText(summary: ImportSummary): string {
  return JSON.stringify(summary, undefined, 2);
}

function answerTo(
  { clock }: AnswerDeps,
  request: ImportRequest,
  status: 'refused' | 'superseded' | 'stopped',
  reason: string,
): ImportSummary {
  const { bucket, key, versionId, eTag, size, droppedAt, table } = request;
  const now = new Date(clock.now()).toISOString();
  return {
    schemaVersion: 1,
    status,
    reason,
    source: { bucket, key, ...(versionId ? { versionId } : {}), eTag, size, droppedAt },
    stagingTable: table,
    startedAt: now,
    finishedAt: now,
    seconds: { waiting: 0, loading: 0, verdicts: 0, total: 0 },
    lines: { rows: 0, blank: 0 },
    counts: emptyTally(),
    messages: [],
    importSets: { count: 0, first: [] },
    executions: 0,
    results: { summary: `${request.resultsFolder}summary.json` },
  };
}

/** S3 takes keys of 1,024 bytes. */
const maxRefusedNameBytes = 900;

/** The answer to a file that is not where import files belong: `results/_refused/{key}/{dropped}-{version}/summary.json`. */
export async function noteRefusal(
  { s3, clock, outcomes }: Omit<AnswerDeps, 'log'>,
  object: AnnouncedObject,
  reason: string,
): Promise<void> {
  const { bucket, key, versionId, eTag, size, droppedAt } = object;
  const run = `${droppedAt.replaceAll(/[:.]/g, '-')}-${folderMark(object)}`;
  const name = shortened(key, maxRefusedNameBytes);
  const note = {
    schemaVersion: 1,
    status: 'refused',
    reason,
    source: { bucket, key, ...(versionId ? { versionId } : {}), eTag, size, droppedAt },
    finishedAt: new Date(clock.now()).toISOString(),
  };
  const ref = { bucket, key: `results/_refused/${name}/${run}/summary.json` };
  await writeObject(s3, ref, JSON.stringify(note, undefined, 2), 'application/json');
  const source = { bucket, key, ...(versionId ? { versionId } : {}) };
  outcomes?.report({ type: 'Drop Refused', source, results: { summary: ref.key } });
}
