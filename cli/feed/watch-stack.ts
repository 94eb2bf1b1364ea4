import * as z from 'zod';
import type { InvocationOutcome, OnAnswer } from '../../emulator/aws/lambda/invocation.ts';
import type { Log } from '../../emulator/aws/log.ts';
import type { Stack, StackOptions } from '../../emulator/stack/stack.ts';
import { deriveEpisodeSysId, deriveSysId } from '../../lib/operations/identity.ts';
import { StackFeed } from './feed.ts';
import { type AskedFor, type FindRecord, MessageEvents } from './message-events.ts';
import {
  type Answer,
  fileName,
  parseJson,
  readHttpAnswer,
  readImportAnswer,
  readInvokeAnswer,
} from './read-answer.ts';

/** A stack that is being watched: options to start it with, and its feed of events. */
export type StackWatch = {
  readonly feed: StackFeed;
  readonly options: Required<Pick<StackOptions, 'onLog' | 'onAnswer' | 'environment' | 'log'>>;
  /** Lets events name the numbers of records, which only the emulated instance can say. */
  connect(stack: Pick<Stack, 'instance'>): void;
};

const dropLine = z.object({
  message: z.enum(['drop-received', 'drop-refused', 'drop-ignored', 'drop-not-imported']),
  timestamp: z.string(),
  requestId: z.string(),
  key: z.string(),
  table: z.string().optional(),
  reason: z.string().optional(),
  status: z.string().optional(),
});
const traced = z.object({ level: z.string().optional(), xray_trace_id: z.string().optional() });

/**
 * Watches a local stack: every call of a function, every message and every import becomes an event of the feed. Hand `options` to
 * `startLocalStack`, and the stack to `connect`.
 * @param onLogLine gets what the functions log, without the lines that only the watch needs
 */
export function watchStack(onLogLine: (line: string, functionKey: string) => void = () => {}): StackWatch {
  const feed = new StackFeed();
  let instance: Stack['instance'] | undefined;
  const messages = new MessageEvents(
    (event) => feed.add(event),
    (asked) => instance && findRecord(instance, asked),
  );
  return {
    feed,
    options: {
      // The functions say of a written record only that it was written, and only then.
      environment: { POWERTOOLS_LOG_LEVEL: 'DEBUG' },
      onLog(text, functionKey) {
        const line = parseJson(text);
        const { level, xray_trace_id } = traced.safeParse(line).data ?? {};
        const trace = xray_trace_id?.split('-')[2];
        if (level !== 'DEBUG') onLogLine(text, functionKey);
        if (trace === undefined) return;
        feed.addLogLine(trace, text);
        if (isFedByQueue(functionKey)) messages.onLog(line, trace);
        if (functionKey === 'startImport') addDrop(feed, line);
      },
      log: {
        warn(what, fields) {
          if (what === 'event-not-matched') addUnmatched(feed, fields);
        },
        error() {},
      },
      onAnswer(outcome, functionKey, call) {
        const answer = toAnswer(outcome, functionKey, call);
        if (isFedByQueue(functionKey)) return messages.onAnswer(answer);
        // Its log lines hold the outcome of each file.
        if (functionKey === 'startImport' && !answer.isError) return;
        const event =
          functionKey === 'importCsv'
            ? readImportAnswer(answer)
            : (readHttpAnswer(answer) ?? readInvokeAnswer(answer));
        if (event) feed.add(event);
      },
    },
    connect(stack) {
      instance = stack.instance;
    },
  };
}

/** Whether each message of a batch has an outcome of its own. */
function isFedByQueue(functionKey: string): boolean {
  return functionKey === 'writeRecords' || functionKey === 'mapEvents';
}

function toAnswer(
  { payload, functionError }: InvocationOutcome,
  functionKey: string,
  { requestId, event, startedAtMs, durationMs }: Parameters<OnAnswer>[2],
): Answer {
  return {
    functionKey,
    requestId,
    event: parseJson(event.toString()),
    payload: parseJson(payload.toString()),
    isError: functionError !== undefined,
    at: new Date(startedAtMs).toISOString(),
    durationMs,
  };
}

/** No function sees an event that no rule matches. */
function addUnmatched(feed: StackFeed, { source, detailType }: Parameters<Log['warn']>[1] = {}): void {
  // An outcome that no one listens to.
  if (source === 'servicenow-functions') return;
  feed.add({
    at: new Date().toISOString(),
    way: 'Event',
    functionKey: '',
    requestId: '',
    subject: `${source} ${detailType}`,
    outcome: 'refused',
    code: 'NO_RULE',
    reason: 'no rule of the bus matches it; the rules of mappings/ are made when the stack starts',
    durationMs: 0,
  });
}

function addDrop(feed: StackFeed, line: unknown): void {
  const drop = dropLine.safeParse(line).data;
  if (drop === undefined) return;
  const { message, timestamp, requestId, key, table, reason, status } = drop;
  const isReceived = message === 'drop-received';
  const [, folder, file] = key.split('/');
  if (message === 'drop-ignored' && file === '_import.json') {
    const detail = `settings of ${folder}, for every file that follows`;
    feed.add({
      at: timestamp,
      way: 'S3',
      functionKey: 'startImport',
      requestId,
      subject: file,
      outcome: 'done',
      detail,
      durationMs: 0,
    });
    return;
  }
  feed.add({
    at: timestamp,
    way: 'S3',
    functionKey: 'startImport',
    requestId,
    subject: fileName(key),
    ...(table !== undefined && { table }),
    outcome: isReceived ? 'started' : 'refused',
    ...(!isReceived && { code: (status ?? message).toUpperCase().replaceAll('-', '_') }),
    ...(reason !== undefined && { reason }),
    durationMs: 0,
  });
}

type InstanceState = Stack['instance']['state'];

/** Service and stage of the local stack. */
const deployment = 'servicenow-functions/dev';

/** The record that a message was about, as the emulated instance holds it. */
function findRecord({ state }: Stack['instance'], asked: AskedFor): ReturnType<FindRecord> {
  const { table } = asked;
  if (state.schema.table(table) === undefined) return undefined;
  const row = asked.source === undefined ? findCommanded(state, asked) : findLastEpisode(state, asked);
  const found = row?.['sys_id'];
  if (row === undefined || typeof found !== 'string') return undefined;
  const number = row['number'];
  return { table, sysId: found, ...(typeof number === 'string' && number !== '' && { number }) };
}

function findCommanded({ store, schema }: InstanceState, { table, key, sysId, match }: AskedFor) {
  const [column, value] = Object.entries(match ?? {})[0] ?? [];
  const isKnown = column !== undefined && schema.column(table, column) !== undefined;
  return isKnown && value !== undefined
    ? store.findBy(table, column, value)
    : store.find(table, sysId ?? deriveSysId(deployment, table, key));
}

/** The newest record of the thing that a signal is about. */
function findLastEpisode({ store }: InstanceState, { table, source = '', key }: AskedFor) {
  const find = (episode: number) =>
    store.find(table, deriveEpisodeSysId(deployment, table, { source, key }, episode));
  let last = find(1);
  for (let episode = 2, next = last && find(episode); next; next = find(++episode)) last = next;
  return last;
}
