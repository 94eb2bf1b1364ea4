import type { Connections } from '../aws/connections.ts';
import type { Clock } from '../core/clock.ts';
import type { RecordsConfig } from '../core/config.ts';
import { deadlineAt } from '../core/deadline.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { identityBy } from '../operations/identity.ts';
import type { ServiceNowClient } from '../servicenow/call.ts';
import { addressAll } from './address.ts';
import { batchCarrier, type Carrier, singleCarrier } from './carrier.ts';
import { fateOf } from './fate.ts';
import { toLanes } from './lanes.ts';
import { createOutageMemory, type OutageMemory } from './outage-memory.ts';
import { type Outcome, type RoundsOptions, runRounds } from './rounds.ts';
import { type Queues, settle } from './settle.ts';
import { type QueuedMessage, readSqsEvent } from './sqs-event.ts';
import { Turns } from './turns.ts';
import type { Write } from './write.ts';
import { JournalAccount } from './writes/journal-account.ts';
import { stepsOf } from './writes/steps-of.ts';

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
/** The last of it is for the answer itself: without that even what is done comes again. */
const answeringTimeMs = 500;

/** Makes the handler of `write-records`: messages in, records on the instance, exactly the unfinished ids out. */
export function createRecordWriter(surroundings: QueueSurroundings) {
  const linkOf = linksTo(surroundings);
  return async (event: unknown, invocation: Invocation): Promise<BatchResponse> => {
    const messages = readSqsEvent(event);
    const outcomes = await carryOut(messages, invocation, surroundings, linkOf);
    const { settings, clock, random } = surroundings;
    const fates = messages.map((message) => {
      const outcome = outcomes.get(message) ?? { error: new Error('no outcome'), tried: false };
      return { message, fate: fateOf(message, outcome, settings, clock.now(), random) };
    });
    const timeoutMs = timeToReport(invocation);
    const unfinished = await settle(fates, invocation.awsRequestId, { ...surroundings, timeoutMs });
    return { batchItemFailures: unfinished.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

/** How long SQS may take, in milliseconds; a queue that cannot be reached must not cost the whole batch. */
function timeToReport(invocation: Invocation): number {
  const remainingMs = invocation.getRemainingTimeInMillis();
  return Math.max(0, Math.floor(remainingMs - Math.min(answeringTimeMs, remainingMs / 4)));
}

/** What a process keeps for each instance between invocations. */
type InstanceLink = {
  readonly carrier: Carrier;
  readonly outage: OutageMemory;
  readonly account: JournalAccount;
};

function linksTo({ settings, clock }: QueueSurroundings): (client: ServiceNowClient) => InstanceLink {
  const links = new WeakMap<ServiceNowClient, InstanceLink>();
  return (client) => {
    const known = links.get(client);
    if (known) return known;
    const carrier = settings.batchApi ? batchCarrier(client) : singleCarrier(client);
    const outage = createOutageMemory(settings.firstDelaySeconds * 1000, clock);
    const link = { carrier, outage, account: new JournalAccount(clock) };
    links.set(client, link);
    return link;
  };
}

type Outcomes = Map<QueuedMessage, Outcome>;

async function carryOut(
  messages: readonly QueuedMessage[],
  invocation: Invocation,
  surroundings: QueueSurroundings,
  linkOf: (client: ServiceNowClient) => InstanceLink,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const addressed = addressAll(messages, surroundings.connect, outcomes);
  const byClient = [...Map.groupBy(addressed, ({ client }) => client)];
  const limits = { ...deadlines(invocation, surroundings.clock), correlationId: invocation.awsRequestId };
  const identityOf = identityBy(surroundings.settings.correlationIdTables);
  const runs = byClient.map(async ([client, members]) => {
    const writes = members.map(({ write }) => write);
    const link = linkOf(client);
    const context = { identityOf, account: link.account };
    const lanes = toLanes(writes, identityOf);
    const ended = await writeAll(lanes, link, {
      ...limits,
      stepsOf: (write) => stepsOf(write, context),
      turns: new Turns(writes),
    });
    for (const [write, outcome] of ended) outcomes.set(write.message, outcome);
  });
  await Promise.all(runs);
  return outcomes;
}

/** Writes to one instance, unless it was down a moment ago: then nothing is sent. */
async function writeAll(
  lanes: readonly (readonly Write[])[],
  { carrier, outage }: InstanceLink,
  options: Omit<RoundsOptions, 'carrier'>,
): Promise<ReadonlyMap<Write, Outcome>> {
  const error = outage.current();
  if (error !== undefined) return new Map(lanes.flat().map((write) => [write, { error, tried: false }]));
  const outcomes = await runRounds(lanes, { ...options, carrier });
  outage.observe(outcomes.values());
  return outcomes;
}

function deadlines(invocation: Invocation, clock: Clock) {
  const remainingMs = invocation.getRemainingTimeInMillis();
  const settleUntilMs = clock.now() + remainingMs - Math.min(reportingTimeMs, remainingMs / 4);
  const workUntilMs = settleUntilMs - Math.min(settlingTimeMs, remainingMs / 4);
  return { workUntil: deadlineAt(workUntilMs, clock), settleUntil: deadlineAt(settleUntilMs, clock) };
}
