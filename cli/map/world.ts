import { type Instance, startInstance } from '../../emulator/instance/index.ts';
import { type Connections, createConnections } from '../../lib/aws/connections.ts';
import { digestOf } from '../../lib/aws/digest.ts';
import type { StateTable } from '../../lib/aws/state-table.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { silentLog } from '../../lib/core/log.ts';
import { readEvents } from '../../lib/events/intake.ts';
import { createMapper, type EventMapper, type MappedElement } from '../../lib/events/map-event.ts';
import type { Mappings } from '../../lib/events/mapping.ts';
import { groupNameOf, type Signal } from '../../lib/operations/signal.ts';
import { createRecordWriter } from '../../lib/record-queue/handler.ts';
import { memoryStateTable } from './memory-state.ts';

/** What a signal came to. */
export type Verdict = 'done' | 'duplicate' | 'stale' | 'ignored' | { readonly error: string };

/** What an event came to: one line for each of its elements. */
export type Applied = { readonly mapped: MappedElement; readonly verdict: Verdict };

/** A signal on the queue. */
export type Queued = { readonly messageId: string; readonly signal: Signal; readonly receiveCount: number };

/** An emulated instance, the mapping files and the function that writes records; time passes only on request. */
export type World = {
  readonly instance: Instance;
  readonly nowMs: () => number;
  /** Sets the time, forward only. */
  reach(ms: number): void;
  /** What the functions of this deployment share. */
  readonly deployed: {
    readonly connect: Connections['connect'];
    readonly stateTable: () => StateTable;
    readonly mapper: EventMapper;
    readonly deployment: string;
    readonly clock: Clock;
  };
  /** Applies a signal as the records queue would deliver it. */
  send(signal: Signal): Promise<Verdict>;
  /** Delivers messages in one batch. @returns those that come again */
  deliver(queued: readonly Queued[]): Promise<readonly Queued[]>;
  /** The reasons of messages that became dead letters. */
  readonly letters: readonly string[];
  /** Maps what the body of a message holds, and applies its signals. */
  apply(event: unknown): Promise<readonly Applied[]>;
  close(): Promise<void>;
};

/** As a deployment of this name would derive sys_ids. */
const environment = {
  SERVICENOW_SECRET_ID: 'local',
  ALLOWED_TABLES: '*',
  ALLOWED_HOSTS: '127.0.0.1',
};

/** Starts an emulated instance and what applies events to it, with a clock of its own. */
export async function openWorld(mappings: Mappings, startMs: number): Promise<World> {
  let nowMs = startMs;
  const clock = { now: () => nowMs, sleep: async () => {} };
  const instance = await startInstance({ clock });
  const { url: instanceUrl, username, password } = instance;
  const config = readConfig(environment);
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const connections = createConnections({ config, fetchSecret: async () => secret });
  const letters: string[] = [];
  const pair = { url: 'signals', deadLetterUrl: 'letters' };
  const verdicts = new Map<string, 'done' | 'duplicate' | 'stale' | 'ignored'>();
  const stateTable = memoryStateTable(clock);
  const write = createRecordWriter({
    ...{ connect: connections.connect, settings: config.records, deployment: config.deployment, clock },
    ...{ stateTable: () => stateTable, random: () => 0.5, metrics: { add() {} } },
    log: {
      ...silentLog,
      debug: (_event, fields) => verdicts.set(String(fields?.['messageId']), verdictIn(fields?.['how'])),
    },
    queues: {
      ...{ standard: pair, fifo: pair, hide: async () => [] },
      send: async (_url, entries) => {
        letters.push(...entries.map((entry) => entry.MessageAttributes?.['ErrorMessage']?.StringValue ?? ''));
        return [];
      },
    },
  });
  const mapper = createMapper(mappings);
  let messages = 0;
  const deliver = async (queued: readonly Queued[]): Promise<readonly Queued[]> => {
    const time = String(nowMs);
    const Records = queued.map(({ messageId, signal, receiveCount }) => ({
      ...{ messageId, receiptHandle: messageId, eventSourceARN: 'signals.fifo' },
      body: JSON.stringify({ ...signal, action: 'signal' }),
      attributes: {
        ...{ ApproximateReceiveCount: String(receiveCount), MessageGroupId: digestOf(groupNameOf(signal)) },
        ...{ SentTimestamp: time, ApproximateFirstReceiveTimestamp: time },
      },
    }));
    const invocation = { awsRequestId: 'local', getRemainingTimeInMillis: () => 60_000 };
    const { batchItemFailures } = await write({ Records }, invocation);
    const unfinished = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    return queued.filter(({ messageId }) => unfinished.has(messageId));
  };
  const applySignal = async (signal: Signal): Promise<Verdict> => {
    messages += 1;
    const messageId = `message-${messages}`;
    const before = letters.length;
    const unfinished = await deliver([{ messageId, signal, receiveCount: 1 }]);
    const letter = letters.at(before);
    if (letter !== undefined) return { error: letter };
    return unfinished.length > 0 ? { error: 'comes again later' } : (verdicts.get(messageId) ?? 'done');
  };
  const { connect } = connections;
  return {
    instance,
    deployed: { connect, stateTable: () => stateTable, mapper, deployment: config.deployment, clock },
    send: applySignal,
    deliver,
    letters,
    nowMs: () => nowMs,
    reach: (ms) => {
      nowMs = Math.max(nowMs, ms);
    },
    async apply(event) {
      const applied: Applied[] = [];
      const message = { atMs: nowMs, messageId: `event-${messages}` };
      for (const received of readEvents(JSON.stringify(event), message)) {
        const { elements } = await mapper.map(received.event, received.arrival);
        for (const mapped of elements)
          applied.push({ mapped, verdict: await verdictOf(mapped, applySignal) });
      }
      return applied;
    },
    async close() {
      await connections.close();
      await instance.close();
    },
  };
}

async function verdictOf(
  mapped: MappedElement,
  apply: (signal: Signal) => Promise<Verdict>,
): Promise<Verdict> {
  if ('signal' in mapped) return apply(mapped.signal);
  if ('ignored' in mapped) return 'ignored';
  return { error: mapped.error instanceof Error ? mapped.error.message : String(mapped.error) };
}

function verdictIn(how: unknown): 'done' | 'duplicate' | 'stale' | 'ignored' {
  return how === 'duplicate' || how === 'stale' || how === 'ignored' ? how : 'done';
}
