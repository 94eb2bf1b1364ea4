import * as z from 'zod';
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

/** What finds the record of a message on the instance. */
export type FindRecord = (asked: AskedFor) => NewEvent['record'];

/** A line about a message may arrive this much later than the answer of its batch. */
const lateLineMs = 1_000;

type Waiting = { readonly answer: Answer; readonly ids: ReadonlySet<string>; readonly timer: NodeJS.Timeout };

/**
 * Makes an event of every message that the record queue has handled. The outcome is in the function's log lines, which arrive
 * separately from its answer: both are waited for.
 */
export class MessageEvents {
  readonly #outcomes = new Map<string, Map<string, LoggedOutcome>>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #add: (event: NewEvent) => void;
  readonly #findRecord: FindRecord;

  constructor(add: (event: NewEvent) => void, findRecord: FindRecord) {
    this.#add = add;
    this.#findRecord = findRecord;
  }

  /** A log line of the function, parsed. @param trace of its invocation */
  onLog(line: unknown, trace: string): void {
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

  #end({ answer, timer }: Waiting): void {
    const { requestId } = answer;
    const trace = traceOf(requestId);
    clearTimeout(timer);
    const outcomes = this.#outcomes.get(trace);
    this.#waiting.delete(trace);
    this.#outcomes.delete(trace);
    for (const message of sqsEvent.safeParse(answer.event).data?.Records ?? []) {
      const asked = readMessage(message);
      this.#add({
        at: answer.at,
        way: 'SQS',
        functionKey: answer.functionKey,
        requestId,
        subject: asked ? [asked.signal, asked.key].filter(Boolean).join(' ') : message.messageId,
        ...(asked && { table: asked.table }),
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
