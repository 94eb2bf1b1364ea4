import { once } from 'node:events';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import { type Instance, type InstanceOptions, startInstance } from '../../../emulator/instance/index.ts';
import { createConnections } from '../../../lib/aws/connections.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { readConfig } from '../../../lib/core/config.ts';
import type { LogFields } from '../../../lib/core/log.ts';
import type { MetricName } from '../../../lib/core/metrics.ts';
import type { Outcome } from '../../../lib/outcomes/outcomes.ts';
import { createRecordWriter, type RecordQueueDeps } from '../../../lib/record-queue/handler.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';

import { type LocalStateTable, startStateTable } from '../aws/local-state-table.ts';

/** A message as a test puts it on the queue. */
export type TestMessage = {
  readonly id: string;
  readonly body: unknown;
  readonly receiveCount?: number;
  readonly firstReceivedMsAgo?: number;
  /** Its `SentTimestamp`. @default a moment before it is received first */
  readonly sentAtMs?: number;
  readonly key?: string;
  /** Further message attributes, as Lambda hands them over. */
  readonly attributes?: Readonly<Record<string, object>>;
  readonly group?: string;
  /** Its number in a FIFO queue. @default none */
  readonly sequence?: string;
  /** Its `SenderId`. @default none */
  readonly sender?: string;
  /** Takes the place of what Lambda would hand over. */
  readonly raw?: Readonly<Record<string, unknown>>;
};

export type DeadLetter = {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string | undefined>>;
};

export type EmulatedQueue = {
  readonly instance: Instance;
  readonly state: LocalStateTable;
  readonly deadLetters: DeadLetter[];
  /** Seconds by receipt handle. */
  readonly hidden: Map<string, number>;
  /** Every figure that the function counted, by name. */
  readonly counted: MetricName[];
  /** Every outcome that the function reported. */
  readonly reported: Outcome[];
  /** Every line that was logged. */
  readonly logged: LogFields[];
  /** Requests that the instance got since the last call, as `METHOD path`, without tokens. */
  requests(): string[];
  /** Hands messages to the function; gives the ids that it does not report finished. */
  deliver(messages: readonly TestMessage[], remainingMs?: number): Promise<readonly string[]>;
  /** Lets time pass for the function and the instance, e.g. until a deferred message is received again. */
  later(ms: number): void;
  /** Goes on in a new process, which remembers nothing. */
  restart(): void;
  close(): Promise<void>;
};

export type QueueOptions = {
  readonly environment?: Readonly<Record<string, string>>;
  readonly instance?: InstanceOptions;
  readonly clock?: Clock;
  /** Roles of the user whom the function signs in as. @default those of an administrator */
  readonly roles?: readonly string[];
  /** SQS refuses dead letters. */
  readonly refuseDeadLetters?: boolean;
  /** SQS does not answer. */
  readonly sqsIsSilent?: boolean;
  /** Stands between the function and the client, to lose answers and the like. */
  readonly through?: (client: ServiceNowClient) => ServiceNowClient;
  /** Stands between the function and the state table. */
  readonly throughTable?: (table: StateTable) => StateTable;
};

/** The function, an instance, and SQS as the function sees it. */
export async function startQueue(options: QueueOptions = {}): Promise<EmulatedQueue> {
  let aheadMs = 0;
  const passing = { now: () => Date.now() + aheadMs };
  const instance = await startInstance({ clock: passing, ...options.instance });
  const { url: instanceUrl } = instance;
  const user = options.roles && { userName: 'integration', password: 'its-password', roles: options.roles };
  if (user) addAccount(instance.state.auth, user);
  const { username, password } = user ? { ...user, username: user.userName } : instance;
  const config = readConfig({
    SERVICENOW_SECRET_ID: 'demo',
    ALLOWED_TABLES: '*',
    ALLOWED_HOSTS: '127.0.0.1',
    ...options.environment,
  });
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const connections = createConnections({ config, fetchSecret: async () => secret });
  const through = options.through ?? ((client) => client);
  const clients = new Map<ServiceNowClient, ServiceNowClient>();
  const deadLetters: DeadLetter[] = [];
  const hidden = new Map<string, number>();
  const counted: MetricName[] = [];
  const logged: LogFields[] = [];
  const note = (event: string, fields: LogFields = {}) => void logged.push({ event, ...fields });
  const reported: Outcome[] = [];
  const pair = { url: 'queue', deadLetterUrl: 'dlq' };
  const clock = options.clock ?? { ...passing, sleep: async () => {} };
  const state = await startStateTable(clock);
  const table = options.throughTable?.(state.table) ?? state.table;
  const context: RecordQueueDeps = {
    connect(name) {
      const connection = connections.connect(name);
      const client = clients.get(connection.client) ?? through(connection.client);
      clients.set(connection.client, client);
      return { ...connection, client };
    },
    queues: {
      standard: pair,
      fifo: pair,
      async send(_url, entries, signal) {
        if (options.sqsIsSilent && signal) {
          await once(signal, 'abort');
          return entries.map((_entry, index) => ({ index, reason: 'AbortError' }));
        }
        if (options.refuseDeadLetters)
          return entries.map((_entry, index) => ({ index, reason: 'AccessDenied' }));
        for (const { MessageBody = '', MessageAttributes = {} } of entries) {
          const attributes = Object.entries(MessageAttributes).map(([name, { StringValue }]) => [
            name,
            StringValue,
          ]);
          deadLetters.push({ body: MessageBody, attributes: Object.fromEntries(attributes) });
        }
        return [];
      },
      async hide(_url, entries) {
        for (const { ReceiptHandle = '', VisibilityTimeout = 0 } of entries)
          hidden.set(ReceiptHandle, VisibilityTimeout);
        return [];
      },
    },
    settings: config.records,
    callerColumn: config.callerColumn,
    trustedSenders: config.trustedSenders,
    deployment: config.deployment,
    stateTable: () => table,
    clock,
    random: () => 0.5,
    log: { debug: note, info: note, warn: note, error: note },
    metrics: { add: (name) => void counted.push(name) },
    outcomes: { report: (outcome) => void reported.push(outcome) },
  };
  let write = createRecordWriter(context);
  let seen = 0;
  return {
    instance,
    state,
    deadLetters,
    hidden,
    counted,
    logged,
    reported,
    requests() {
      const entries = instance.state.ledger.select({ since: seen });
      seen = Math.max(seen, ...entries.map(({ sequence }) => sequence));
      return entries.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`);
    },
    async deliver(messages, remainingMs = 60_000) {
      const Records = messages.map((message) =>
        toSqsRecord(message, options.clock ? Date.now() : clock.now()),
      );
      const invocation = { awsRequestId: 'invocation-1', getRemainingTimeInMillis: () => remainingMs };
      const { batchItemFailures } = await write({ Records }, invocation);
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    },
    later(ms) {
      aheadMs += ms;
    },
    restart() {
      write = createRecordWriter(context);
    },
    async close() {
      await connections.close();
      await instance.close();
    },
  };
}

function toSqsRecord(message: TestMessage, nowMs: number) {
  const { id, body, receiveCount = 1, firstReceivedMsAgo = 0, key, group, sender, attributes } = message;
  const { sentAtMs = nowMs - firstReceivedMsAgo - 100 } = message;
  return {
    messageId: id,
    receiptHandle: `receipt-${id}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: {
      ApproximateReceiveCount: String(receiveCount),
      SentTimestamp: String(sentAtMs),
      ApproximateFirstReceiveTimestamp: String(nowMs - firstReceivedMsAgo),
      ...(group && { MessageGroupId: group }),
      ...(message.sequence && { SequenceNumber: message.sequence }),
      ...(sender && { SenderId: sender }),
    },
    messageAttributes: {
      ...attributes,
      ...(key !== undefined && { IdempotencyKey: { dataType: 'String', stringValue: key } }),
    },
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:records${group ? '.fifo' : ''}`,
    awsRegion: 'eu-west-1',
    ...message.raw,
  };
}
