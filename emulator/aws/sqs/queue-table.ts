import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { cachedStatements } from '../database.ts';

const Seconds = z.coerce.number().int().nonnegative();
const RedrivePolicy = z.object({
  deadLetterTargetArn: z.string(),
  maxReceiveCount: z.coerce.number().int().positive(),
});

/** The settings that change what a queue does; all the rest is kept and given back. */
const Settings = z.object({
  VisibilityTimeout: Seconds.max(43_200).default(30),
  DelaySeconds: Seconds.max(900).default(0),
  MessageRetentionPeriod: Seconds.min(60).max(1_209_600).default(345_600),
  MaximumMessageSize: Seconds.min(1024).max(1_048_576).default(1_048_576),
  ReceiveMessageWaitTimeSeconds: Seconds.max(20).default(0),
  FifoQueue: z.stringbool().default(false),
  ContentBasedDeduplication: z.stringbool().default(false),
  RedrivePolicy: z
    .string()
    .transform((json): unknown => JSON.parse(json))
    .pipe(RedrivePolicy)
    .optional(),
});

const Row = z.object({
  name: z.string(),
  attributes: z.string().transform((json) => z.record(z.string(), z.string()).parse(JSON.parse(json))),
  created_ms: z.number(),
  modified_ms: z.number(),
});

export type QueueAttributes = Readonly<Record<string, string>>;
export type Queue = {
  readonly name: string;
  readonly arn: string;
  /** As given, in the spelling of SetQueueAttributes. */
  readonly attributes: QueueAttributes;
  readonly settings: z.output<typeof Settings>;
  readonly createdMs: number;
  readonly modifiedMs: number;
};

/** The queues and their attributes. */
export class QueueTable {
  readonly #sql: (sql: string) => StatementSync;
  readonly #known = new Map<string, Queue>();

  constructor(database: DatabaseSync) {
    this.#sql = cachedStatements(database);
    for (const row of this.#sql('SELECT * FROM queue').all()) {
      const queue = toQueue(Row.parse(row));
      this.#known.set(queue.name, queue);
    }
  }

  list(): Queue[] {
    return [...this.#known.values()];
  }

  find(name: string): Queue | undefined {
    return this.#known.get(name);
  }

  findByArn(arn: string): Queue | undefined {
    return this.#known.get(arn.split(':').at(-1) ?? '');
  }

  /** The queue of a URL in any form: only its last segment counts. @throws {AwsError} QueueDoesNotExist */
  byUrl(url: string): Queue {
    const queue = this.#known.get(url.split('/').at(-1) ?? '');
    if (!queue) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return queue;
  }

  /** @throws {z.ZodError} for an attribute out of its range */
  put(name: string, attributes: QueueAttributes, nowMs: number): Queue {
    const createdMs = this.#known.get(name)?.createdMs ?? nowMs;
    const row = { name, attributes: { ...attributes }, created_ms: createdMs, modified_ms: nowMs };
    const queue = toQueue(row);
    this.#sql('INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?)').run(
      name,
      JSON.stringify(attributes),
      createdMs,
      nowMs,
    );
    this.#known.set(name, queue);
    return queue;
  }
}

function toQueue(row: z.output<typeof Row>): Queue {
  return {
    name: row.name,
    arn: `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:${row.name}`,
    attributes: row.attributes,
    settings: Settings.parse(row.attributes),
    createdMs: row.created_ms,
    modifiedMs: row.modified_ms,
  };
}
