import type { Connections } from '../aws/connections.ts';
import type { Clock } from '../core/clock.ts';
import { allowsTable, type RecordsConfig } from '../core/config.ts';
import { deadlineAt } from '../core/deadline.ts';
import { TableNotAllowedError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { identityBy } from '../operations/identity.ts';
import type { ServiceNowClient } from '../servicenow/request.ts';
import { batchCarrier, type Carrier, singleCarrier } from './carrier.ts';
import { fateOf } from './fate.ts';
import { toLanes } from './lanes.ts';
import { type Outcome, runRounds } from './rounds.ts';
import { type Queues, settle } from './settle.ts';
import { type QueuedMessage, readSqsEvent } from './sqs-event.ts';
import { stepsOf } from './steps/steps-of.ts';
import { readWrite, type Write } from './write.ts';

/** The world around the function. */
export type QueueSurroundings = {
  readonly connect: Connections['connect'];
  readonly queues: Queues;
  readonly settings: RecordsConfig;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** Lambda deletes the messages of the batch that are not named here. */
export type BatchResponse = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] };

/** The part of Lambda's context that is used. */
export type Invocation = { readonly awsRequestId: string; getRemainingTimeInMillis(): number };

/** Kept back to tell SQS and Lambda what became of the batch, and before that to ask the instance about lost answers. */
const reportingTimeMs = 2_000;
const settlingTimeMs = 5_000;

/** Makes the handler of `write-records`: messages in, records on the instance, exactly the unfinished ids out. */
export function createRecordWriter(surroundings: QueueSurroundings) {
  const carriers = new WeakMap<ServiceNowClient, Carrier>();
  const carrierOf = (client: ServiceNowClient): Carrier => {
    const known = carriers.get(client);
    if (known) return known;
    const carrier = surroundings.settings.batchApi ? batchCarrier(client) : singleCarrier(client);
    carriers.set(client, carrier);
    return carrier;
  };

  return async (event: unknown, invocation: Invocation): Promise<BatchResponse> => {
    const messages = readSqsEvent(event);
    const outcomes = await carryOut(messages, invocation, surroundings, carrierOf);
    const { settings, clock, random } = surroundings;
    const fates = messages.map((message) => {
      const outcome = outcomes.get(message) ?? { error: new Error('no outcome'), tried: false };
      return { message, fate: fateOf(message, outcome, settings, clock.now(), random) };
    });
    const unfinished = await settle(fates, invocation.awsRequestId, surroundings);
    return { batchItemFailures: unfinished.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

type Outcomes = Map<QueuedMessage, Outcome>;
type Addressed = { readonly write: Write; readonly client: ServiceNowClient };

async function carryOut(
  messages: readonly QueuedMessage[],
  invocation: Invocation,
  surroundings: QueueSurroundings,
  carrierOf: (client: ServiceNowClient) => Carrier,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const addressed = messages.flatMap((message) => address(message, surroundings, outcomes));
  const { workUntil, settleUntil } = deadlines(invocation, surroundings.clock);
  const byClient = [...Map.groupBy(addressed, ({ client }) => client)];
  const runs = byClient.map(async ([client, members]) => {
    const lanes = toLanes(members.map(({ write }) => write));
    const carrier = carrierOf(client);
    const identityOf = identityBy(surroundings.settings.correlationIdTables);
    const steps = (write: Write) => stepsOf(write, identityOf);
    const correlationId = invocation.awsRequestId;
    const done = await runRounds(lanes, { carrier, stepsOf: steps, workUntil, settleUntil, correlationId });
    for (const [write, outcome] of done) outcomes.set(write.message, outcome);
  });
  await Promise.all(runs);
  return outcomes;
}

/** Reads a message and finds its instance; what cannot be used gets its outcome here and touches no other. */
function address(
  message: QueuedMessage,
  { connect }: QueueSurroundings,
  outcomes: Outcomes,
): readonly Addressed[] {
  try {
    const write = readWrite(message);
    const { instance, client } = connect(write.work.instance);
    if (!allowsTable(instance, write.work.table)) throw new TableNotAllowedError(write.work.table);
    return [{ write, client }];
  } catch (error) {
    outcomes.set(message, { error, tried: true });
    return [];
  }
}

function deadlines(invocation: Invocation, clock: Clock) {
  const remainingMs = invocation.getRemainingTimeInMillis();
  const settleUntilMs = clock.now() + remainingMs - Math.min(reportingTimeMs, remainingMs / 4);
  const workUntilMs = settleUntilMs - Math.min(settlingTimeMs, remainingMs / 4);
  return { workUntil: deadlineAt(workUntilMs, clock), settleUntil: deadlineAt(settleUntilMs, clock) };
}
