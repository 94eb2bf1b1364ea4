import * as z from 'zod';
import { readEvents } from '../../lib/events/intake.ts';
import { counted } from '../counted.ts';
import { type NewEvent, traceOf } from './feed.ts';
import { type Answer, parseJson, readThrown } from './read-answer.ts';

const sqsEvent = z.object({
  Records: z.array(
    z.object({
      messageId: z.string(),
      body: z.string(),
      attributes: z.object({ ApproximateReceiveCount: z.string() }),
      messageAttributes: z.record(z.string(), z.object({ stringValue: z.string().optional() })).optional(),
    }),
  ),
});

/** A record command on the records queue, as far as it can be read. */
const commandBody = z.object({
  table: z.string(),
  key: z.string().optional(),
  sysId: z.string().optional(),
  match: z.record(z.string(), z.string()).optional(),
});

/** The same of a signal. */
const signalBody = z.object({
  signal: z.string(),
  source: z.string(),
  key: z.string(),
  target: z.string().default('incident'),
});

/** What a message asks for; `key` is what it is known by, with `source` for a signal. */
export type AskedFor = Omit<z.infer<typeof commandBody>, 'key'> & {
  readonly key: string;
  readonly source?: string;
  readonly signal?: string;
};

const logLine = z.object({
  message: z.enum(['record-written', 'message-dead-lettered', 'message-deferred']),
  messageId: z.string(),
  how: z.string().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  delaySeconds: z.number().optional(),
});
type LoggedOutcome = z.infer<typeof logLine>;

/** What `mapEvents` made of an event of a message. */
const mappedLine = z.object({
  message: z.literal('event-mapped'),
  messageId: z.string(),
  file: z.string(),
  signals: z.number(),
  ignoredBecause: z.string().optional(),
});

const busEvent = z.object({ source: z.string(), 'detail-type': z.string() });

/** What finds the record of a message on the instance. */
export type FindRecord = (asked: AskedFor) => NewEvent['record'];

/** A line about a message may arrive this much later than the answer of its batch. */
const lateLineMs = 1_000;

type Waiting = { readonly answer: Answer; readonly ids: ReadonlySet<string>; readonly timer: NodeJS.Timeout };

/**
 * Makes an event of every message that `writeRecords` or `mapEvents` has handled. The outcome is in the function's log lines, which arrive
 * separately from its answer: both are waited for.
 */
export class MessageEvents {
  readonly #outcomes = new Map<string, Map<string, LoggedOutcome>>();
  readonly #waiting = new Map<string, Waiting>();
  /** By trace and message, what its events were mapped to. */
  readonly #mapped = new Map<string, Map<string, string[]>>();
  readonly #add: (event: NewEvent) => void;
  readonly #findRecord: FindRecord;

  constructor(add: (event: NewEvent) => void, findRecord: FindRecord) {
    this.#add = add;
    this.#findRecord = findRecord;
  }

  /** A log line of the function, parsed. @param trace of its invocation */
  onLog(line: unknown, trace: string): void {
    const mapped = mappedLine.safeParse(line).data;
    if (mapped) this.#noteMapped(mapped, trace);
    const outcome = logLine.safeParse(line).data;
    if (outcome === undefined) return;
    const outcomes = this.#outcomes.get(trace) ?? new Map<string, LoggedOutcome>();
    this.#outcomes.set(trace, outcomes.set(outcome.messageId, outcome));
    const waiting = this.#waiting.get(trace);
    if (waiting && isComplete(waiting.ids, outcomes)) this.#end(waiting);
  }

  /** The answer of a batch. */
  onAnswer(answer: Answer): void {
    const ids = new Set(sqsEvent.safeParse(answer.event).data?.Records.map(({ messageId }) => messageId));
    const timer = setTimeout(() => this.#end(waiting), lateLineMs);
    timer.unref();
    const waiting: Waiting = { answer, ids, timer };
    const trace = traceOf(answer.requestId);
    this.#waiting.set(trace, waiting);
    if (answer.isError || isComplete(ids, this.#outcomes.get(trace))) this.#end(waiting);
  }

  #noteMapped({ messageId, file, signals, ignoredBecause }: z.infer<typeof mappedLine>, trace: string): void {
    const ofTrace = this.#mapped.get(trace) ?? new Map<string, string[]>();
    this.#mapped.set(trace, ofTrace);
    const why = ignoredBecause === undefined ? '' : ` (${ignoredBecause})`;
    const count = `${signals === 0 ? 'no signal' : counted(signals, 'signal')}${why}`;
    ofTrace.set(messageId, [...(ofTrace.get(messageId) ?? []), `${file}: ${count}`]);
  }

  #end({ answer, timer }: Waiting): void {
    const { requestId, functionKey } = answer;
    const trace = traceOf(requestId);
    clearTimeout(timer);
    const outcomes = this.#outcomes.get(trace);
    const mapped = this.#mapped.get(trace);
    this.#waiting.delete(trace);
    this.#outcomes.delete(trace);
    this.#mapped.delete(trace);
    for (const message of sqsEvent.safeParse(answer.event).data?.Records ?? []) {
      const isEvent = functionKey === 'mapEvents';
      const asked = isEvent ? undefined : readMessage(message);
      const detail = mapped?.get(message.messageId)?.join(', ');
      this.#add({
        at: answer.at,
        way: isEvent ? 'Event' : 'SQS',
        functionKey,
        requestId,
        subject: isEvent ? nameOfEvent(message) : nameOf(asked, message),
        ...(asked && { table: asked.table }),
        ...(detail !== undefined && { detail }),
        messageId: message.messageId,
        attempts: Number(message.attributes.ApproximateReceiveCount),
        body: message.body,
        durationMs: answer.durationMs,
        ...this.#outcome(answer, outcomes?.get(message.messageId), asked),
      });
    }
  }

  #outcome(
    answer: Answer,
    outcome: LoggedOutcome | undefined,
    asked: AskedFor | undefined,
  ): Pick<NewEvent, 'outcome' | 'record' | 'code' | 'reason' | 'delaySeconds'> {
    if (outcome?.message === 'record-written') {
      const record = asked && this.#findRecord(asked);
      return { outcome: outcome.how === 'duplicate' ? 'duplicate' : 'done', ...(record && { record }) };
    }
    if (outcome === undefined) return { outcome: 'failed', ...readThrown(answer) };
    const { code, reason, delaySeconds } = outcome;
    return {
      outcome: outcome.message === 'message-deferred' ? 'deferred' : 'dead-lettered',
      ...(code !== undefined && { code }),
      ...(reason !== undefined && { reason }),
      ...(delaySeconds !== undefined && { delaySeconds }),
    };
  }
}

function isComplete(
  ids: ReadonlySet<string>,
  outcomes: ReadonlyMap<string, LoggedOutcome> | undefined,
): boolean {
  return ids.size > 0 && [...ids].every((id) => outcomes?.has(id));
}

function nameOf(asked: AskedFor | undefined, { messageId }: SqsRecord): string {
  return asked ? [asked.signal, asked.key].filter(Boolean).join(' ') : messageId;
}

/** Source and kind of what the bus, a topic or a pipe sent. */
function nameOfEvent({ body, messageId }: SqsRecord): string {
  const names = eventsIn(body, messageId).map((event) => {
    const { source, 'detail-type': kind } = busEvent.safeParse(event).data ?? {};
    return [source, kind].filter(Boolean).join(' ');
  });
  return names.length === 1
    ? names[0] || messageId
    : names.length === 0
      ? messageId
      : counted(names.length, 'event');
}

function eventsIn(body: string, messageId: string): readonly object[] {
  try {
    return readEvents(body, { messageId, atMs: 0 }).map(({ event }) => event);
  } catch {
    // Its message becomes a dead letter, which says why.
    return [];
  }
}

type SqsRecord = z.infer<typeof sqsEvent>['Records'][number];

function readMessage({ body, messageId, messageAttributes = {} }: SqsRecord): AskedFor | undefined {
  const given = parseJson(body);
  const reported = signalBody.safeParse(given).data;
  if (reported) {
    const { target: table, ...signal } = reported;
    return { table, ...signal };
  }
  const parsed = commandBody.safeParse(given).data;
  if (parsed === undefined) return undefined;
  return { ...parsed, key: parsed.key ?? messageAttributes['IdempotencyKey']?.stringValue ?? messageId };
}
