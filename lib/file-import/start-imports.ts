import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod/mini';
import { startDurableExecution } from '../aws/lambda.ts';
import type { Clock } from '../core/clock.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ImportInput } from './import-state.ts';
import { executionName, type ImportRequest } from './schedule/import-request.ts';
import { queueUp } from './schedule/line.ts';
import { type DropNotice, parseS3Event } from './schedule/s3-events.ts';
import { noteDrop, notePlace } from './schedule/seen-drops.ts';

export type StartTools = {
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Qualified ARN of importCsv. */
  readonly importFunctionArn: string;
};

const eventSchema = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) });

/**
 * Gives every file that the messages announce its place in the line of its staging table, and starts its import.
 * @param event of SQS, its messages being S3 event notifications
 * @returns the ids of messages that are to come again; one that can never be read is logged and dropped
 * @throws InvalidInputError when the event is not one of SQS
 */
export async function startImports(tools: StartTools, event: unknown): Promise<string[]> {
  const read = eventSchema.safeParse(event);
  if (!read.success) throw new InvalidInputError('event', 'is not one of SQS; files go to the bucket');
  const again: string[] = [];
  for (const { messageId, body } of read.data.Records) {
    try {
      for (const notice of parseS3Event(body)) await startOne(tools, notice);
    } catch (error) {
      const isHopeless = error instanceof InvalidInputError;
      tools.log.error('drop-not-started', { messageId, reason: String(error), dropped: isHopeless });
      if (!isHopeless) again.push(messageId);
    }
  }
  return again;
}

async function startOne(tools: StartTools, notice: DropNotice): Promise<void> {
  const { key } = notice;
  if ('ignored' in notice) return tools.log.info('drop-ignored', { key, reason: notice.ignored });
  const { request } = notice;
  const seen = await noteDrop(tools.s3, request);
  if (seen === 'outdated')
    return tools.log.info('drop-ignored', { key, reason: 'a newer version was seen before' });
  if (seen === 'new') await takePlace(tools, request);
  await startExecution(tools, request);
}

/** The order matters: who finds the mark complete finds the place, too. */
async function takePlace({ s3, clock }: StartTools, request: ImportRequest): Promise<void> {
  await queueUp(s3, clock, request);
  await notePlace(s3, request);
}

async function startExecution(tools: StartTools, request: ImportRequest): Promise<void> {
  const input: ImportInput = { request };
  const name = executionName(request);
  const isNew = await startDurableExecution(tools.lambda, {
    functionArn: tools.importFunctionArn,
    name,
    input,
  });
  tools.log.info('import-started', { key: request.key, table: request.table, name, isNew });
}
