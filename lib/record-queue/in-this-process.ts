import { createConnections } from '../aws/connections.ts';
import { changeVisibility, sendMessages } from '../aws/sqs.ts';
import { createTelemetry } from '../aws/telemetry.ts';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { type BatchResponse, createRecordWriter, type Invocation } from './write-records.ts';

const config = readConfig();
const telemetry = createTelemetry(config);

const writeRecords = createRecordWriter({
  ...telemetry,
  connect: createConnections({ config, ...telemetry }).connect,
  queues: {
    standard: { url: config.recordsQueueUrl, deadLetterUrl: config.recordsDlqUrl },
    fifo: { url: config.recordsFifoQueueUrl, deadLetterUrl: config.recordsFifoDlqUrl },
    send: sendMessages,
    hide: changeVisibility,
  },
  settings: config.records,
  clock: systemClock,
  random: Math.random,
});

/** Writes the records of one batch, with the connections, log and figures that the invocations of this process share. */
export async function writeRecordsHere(event: unknown, invocation: Invocation): Promise<BatchResponse> {
  try {
    return await writeRecords(event, invocation);
  } finally {
    telemetry.metrics.flush();
  }
}
