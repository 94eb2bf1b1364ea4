import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod/mini';
import { startDurableExecution } from '../aws/lambda.ts';
import { addTag } from '../aws/object-tags.ts';
import { headObject, isStatus } from '../aws/s3.ts';
import { sendMessages } from '../aws/sqs.ts';
import { createStateTable } from '../aws/state-table.ts';
import { lastingId } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import { type Config, requireSetting } from '../core/config.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import {
  type AnswerDeps,
  answerDrop,
  answerSuperseded,
  noteLostImport,
  noteRefusal,
  reportUnanswered,
} from './answer-drop.ts';
import { importFolder } from './folder.ts';
import type { ImportInput } from './import-input.ts';
import { settingsAt } from './plan/pinned-settings.ts';
import { defaultSettings, parseSettings } from './plan/settings.ts';
import { progressAtFirst, progressWriter } from './report/summary.ts';
import { RetryLaterError, resultOf } from './retry-later-error.ts';
import { earlierDrops } from './schedule/event-dedup.ts';
import {
  type AnnouncedObject,
  type Drop,
  type DropNotice,
  type DroppedObject,
  executionName,
  type ImportRequest,
  parseS3Event,
  resultsFolder,
} from './schedule/import-request.ts';
import { mayBeRedrop, type Redrops } from './schedule/redrops.ts';
import { createSchedule, type Schedule, wakeUpMessage } from './schedule/schedule.ts';

/** What receiving drops works with. */
export type ReceiveDeps = AnswerDeps & {
  readonly schedule: Pick<Schedule, 'receive' | 'noteNewest' | 'startDue' | 'wakeAgain'>;
  /** The only bucket whose files are imported. @default any */
  readonly bucket?: string | undefined;
  /** Service and stage; see `ImportRequest`. */
  readonly deployment: string;
  /** Knows the files that the schedule drops again. @default there are none */
  readonly redrops?: Pick<Redrops, 'find'> | undefined;
  /** True when files get the tag by which the bucket deletes them after a time; settings never do. @default false */
  readonly tagsDrops?: boolean | undefined;
  /** Ids of the roles that drop files again. @default none */
  readonly trustedSenders?: readonly string[] | undefined;
};

const eventSchema = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) });

/**
 * Puts every import file that the messages announce into the wait-list of its staging table, and starts the imports that are
 * due. Files that are no import get an answer below `results/`.
 * @param event of SQS, its messages being S3 event notifications or `wakeUpMessage`
 * @returns the ids of messages that have to be delivered again; one that can never be read is logged and dropped
 * @throws InvalidInputError when the event is not one of SQS
 */
export async function receiveDrops(deps: ReceiveDeps, event: unknown): Promise<string[]> {
  const read = eventSchema.safeParse(event);
  if (!read.success)
    throw new InvalidInputError('event', 'is not an SQS event; to import a file, upload it to the bucket');
  const again: string[] = [];
  const received: Received[] = [];
  for (const { messageId, body } of read.data.Records) {
    try {
      const onUnreadable = (count: number) => deps.log.error('drops-not-readable', { messageId, count });
      const notices = body === wakeUpMessage ? [] : parseS3Event(body, onUnreadable);
      const requests: ImportRequest[] = [];
      received.push({ messageId, requests, isWakeUp: body === wakeUpMessage });
      let failure: unknown;
      for (const notice of notices)
        await receiveOne(deps, notice).then(
          (request) => requests.push(...request),
          (error: unknown) => {
            failure ??= error;
          },
        );
      if (failure !== undefined) throw failure;
      for (const notice of notices) await tagDrop(deps, notice);
    } catch (error) {
      const isHopeless = error instanceof InvalidInputError;
      deps.log.error('drop-not-received', { messageId, reason: String(error), dropped: isHopeless });
      if (!isHopeless) again.push(messageId);
    }
  }
  if (received.length === 0) return again;
  try {
    const isWoken = read.data.Records.some(({ body }) => body === wakeUpMessage);
    const started = new Set(await deps.schedule.startDue(isWoken));
    const waiting = received.flatMap(({ requests }) => requests);
    await Promise.all(waiting.map((request) => showWaiting(deps, request, started)));
  } catch (error) {
    // Their drops are in the wait-list; the messages come back so that the imports are started.
    deps.log.error('imports-not-started', { reason: String(error) });
    const isWokenAgain = await wakeAgain(deps, read.data.Records);
    for (const { messageId, isWakeUp } of received) if (!isWakeUp || !isWokenAgain) again.push(messageId);
  }
  return [...new Set(again)];
}

type Received = {
  readonly messageId: string;
  readonly requests: readonly ImportRequest[];
  readonly isWakeUp: boolean;
};

/**
 * In the place of a wake-up message that came to nothing sends a new one: after some hours of an outage the old one would be a dead
 * letter, and what waits would stand until the next drop.
 */
async function wakeAgain(
  { schedule, log }: ReceiveDeps,
  messages: readonly { readonly body: string }[],
): Promise<boolean> {
  if (!messages.some(({ body }) => body === wakeUpMessage)) return false;
  try {
    await schedule.wakeAgain();
    return true;
  } catch (error) {
    log.error('wake-up-not-sent', { reason: String(error) });
    return false;
  }
}

/** The bucket's rule for old drops goes by it; a rule that went by the folder would delete the settings too. */
const dropTag = { Key: 'servicenow-functions', Value: 'drop' };

async function tagDrop(
  { s3, log, bucket, tagsDrops = false }: ReceiveDeps,
  notice: DropNotice,
): Promise<void> {
  const { object } = notice;
  if (!tagsDrops || 'ignored' in notice || (bucket ?? object.bucket) !== object.bucket) return;
  const { key } = object;
  try {
    const isTagged = await addTag(s3, object, dropTag);
    if (!isTagged) log.info('drop-not-tagged', { key, reason: 'it is gone, or has ten other tags' });
  } catch (error) {
    // A right that is missing does not come by itself: the import is not to be a dead letter for it.
    if (!isStatus(error, 403)) throw error;
    log.error('drop-not-tagged', { key, reason: String(error) });
  }
}

/** Nothing but a sign of life. */
async function showWaiting(
  { s3, clock }: ReceiveDeps,
  request: ImportRequest,
  started: ReadonlySet<string>,
): Promise<void> {
  if (started.has(executionName(request))) return;
  const folder = importFolder(s3, request.bucket, request.resultsFolder);
  const isThere = (await folder.read('progress.json')) !== undefined;
  if (!isThere) await progressWriter(folder, clock).store(progressAtFirst(request, 'waiting'));
}

/** @returns the request of a drop that was not received before */
async function receiveOne(deps: ReceiveDeps, notice: DropNotice): Promise<ImportRequest[]> {
  const { object, principal: caller } = notice;
  if (deps.bucket !== undefined && object.bucket !== deps.bucket) {
    deps.log.warn('drop-ignored', { bucket: object.bucket, key: object.key, reason: 'another bucket' });
    return [];
  }
  const { log, schedule } = deps;
  if ('ignored' in notice) {
    log.info('drop-ignored', { caller, key: object.key, reason: notice.ignored });
    return [];
  }
  if ('refused' in notice) {
    log.warn('drop-refused', { caller, key: object.key, reason: notice.refused });
    await noteRefusal(deps, object, notice.refused);
    return [];
  }
  const whole = await withSize(deps, object);
  if (!whole) {
    await noteRefusal(deps, object, 'it was deleted before its event came');
    return [];
  }
  const request = await withFirstDrop(deps, await requestOf(deps, whole, notice.drop, caller));
  if (request.size === 0) {
    await schedule.noteNewest(request);
    await answerDrop(deps, request, 'refused', 'the file is empty (0 bytes)');
    return [];
  }
  const arrival = await schedule.receive(request);
  const { table, droppedAt, droppedBy } = request;
  log.info('drop-received', { caller: droppedBy, key: object.key, table, droppedAt, arrival: arrival.kind });
  if (arrival.kind === 'superseded') await answerSuperseded(deps, request, arrival.by);
  return arrival.kind === 'new' ? [request] : [];
}

/** What the event leaves out is looked up; undefined where the object is gone. */
async function withSize({ s3 }: ReceiveDeps, object: AnnouncedObject): Promise<DroppedObject | undefined> {
  const { size, bucket, key, versionId } = object;
  if (size !== undefined) return { ...object, size };
  const head = await headObject(s3, { bucket, key, ...(versionId === undefined ? {} : { versionId }) });
  return head && { ...object, size: head.size, eTag: object.eTag || head.eTag };
}

/** Of a file that our own schedule has dropped again: who dropped it first, and which file that was. */
async function withFirstDrop(
  { redrops, trustedSenders = [] }: ReceiveDeps,
  request: ImportRequest,
): Promise<ImportRequest> {
  const { key, droppedBy } = request;
  if (!redrops || !mayBeRedrop(key) || !trustedSenders.includes(lastingId(droppedBy ?? ''))) return request;
  const found = await redrops.find(key);
  if (!found) return request;
  return { ...request, redropped: found.redropped, droppedBy: found.droppedBy };
}

/**
 * The import of a dropped file, with its settings as they stood at the drop.
 * @param droppedBy id of the role or user that dropped it
 */
export async function requestOf(
  { s3, deployment }: Pick<ReceiveDeps, 's3' | 'deployment'>,
  object: DroppedObject,
  drop: Drop,
  droppedBy?: string,
): Promise<ImportRequest> {
  const settings = await settingsAt(s3, object.bucket, drop.folder, Date.parse(object.droppedAt));
  // Settings that cannot be read are refused by the pre-flight; their results go where they go by default.
  const parsed = await resultOf(async () => parseSettings(settings?.text));
  const { resultsPrefix } = 'value' in parsed ? parsed.value : defaultSettings;
  const { table, name, format, gzip } = drop;
  const { bucket, key, versionId, eTag, size, droppedAt, sequencer } = object;
  const named = { bucket, key, ...(versionId ? { versionId } : {}), eTag, table, name, droppedAt, sequencer };
  return {
    ...named,
    size,
    format,
    gzip,
    ...(settings ? { settings: settings.ref } : {}),
    resultsFolder: resultsFolder(named, resultsPrefix),
    deployment,
    ...(droppedBy === undefined ? {} : { droppedBy }),
  };
}

type Deps = {
  readonly config: Config;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly outcomes?: Outcomes;
};

/**
 * The deployment's schedule of imports.
 * @throws ConfigurationError when STATE_TABLE, IMPORT_QUEUE_URL or IMPORT_FUNCTION_ARN is not set
 */
export function openSchedule({ config, s3, lambda, clock, random, log, outcomes }: Deps): Schedule {
  const functionArn = requireSetting('IMPORT_FUNCTION_ARN', config.importFunctionArn);
  const queueUrl = requireSetting('IMPORT_QUEUE_URL', config.importQueueUrl);
  const answering = { s3, clock, log, ...(outcomes && { outcomes }) };
  return createSchedule({
    table: createStateTable(requireSetting('STATE_TABLE', config.stateTable), clock, random),
    clock,
    log,
    maxConcurrent: config.maxConcurrentImports,
    async start(request) {
      const input: ImportInput = { request };
      await startDurableExecution(lambda, { functionArn, name: executionName(request), input });
    },
    async wake(delaySeconds) {
      const message = { MessageBody: wakeUpMessage, DelaySeconds: delaySeconds };
      const [failure] = await sendMessages(queueUrl, [message]);
      if (failure) throw new RetryLaterError(`the wake-up message was not sent: ${failure.reason}`, 5);
    },
    noteLost: (request) => noteLostImport(answering, request),
    noteSuperseded: (request, by) => answerSuperseded(answering, request, by),
    reportUnanswered: (request, what) => reportUnanswered(answering, request, what),
    earlierDrops: (request, sinceMs) => earlierDrops(s3, request, sinceMs, log),
  });
}
