import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type LocalSqs, startSqs } from '../../../../emulator/aws/sqs/sqs.ts';
import type { Clock } from '../../../../lib/core/clock.ts';

/** A running SQS with a real client. */
export type SqsFixture = {
  readonly sqs: LocalSqs;
  readonly client: SQSClient;
  /** Creates a queue and gives its URL. */
  queue(name: string, attributes?: Record<string, string>): Promise<string>;
  close(): Promise<void>;
};

export async function startSqsFixture(clock?: Clock): Promise<SqsFixture> {
  const sqs = await startSqs(clock ? { clock } : {});
  const client = sqsClient(sqs.url);
  return {
    sqs,
    client,
    async queue(QueueName, Attributes = {}) {
      return (await client.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
    },
    async close() {
      client.destroy();
      await sqs.close();
    },
  };
}

export function sqsClient(endpoint: string): SQSClient {
  return new SQSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
}

/** A clock that moves only on request. */
export class HandClock implements Clock {
  #nowMs = 1_000_000_000_000;
  now(): number {
    return this.#nowMs;
  }
  advance(ms: number): void {
    this.#nowMs += ms;
  }
  /** It is not advanced during a wait: only the signal ends one. */
  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((_resolve, reject) => {
      const stop = () => reject(signal?.reason);
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop);
    });
  }
}
