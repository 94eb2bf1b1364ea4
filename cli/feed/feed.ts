/** Something that came into the local stack, and what it came to. */
export type StackEvent = {
  /** Counts from 1 in the order in which events became known. */
  readonly id: number;
  /** ISO time at which the work began. */
  readonly at: string;
  readonly way: 'HTTP' | 'SQS' | 'S3' | 'Invoke' | 'Event';
  /** The function that did the work, by its key in serverless.yml. */
  readonly functionKey: string;
  /** Of the invocation. */
  readonly requestId: string;
  /** What came in: `POST incident`, the key of a message, source and kind of an event, the name of a file. */
  readonly subject: string;
  readonly table?: string;
  /**
   * - `done`, `duplicate`: the records are there; a duplicate had been written before.
   * - `started`, `running`: an import that has not ended.
   * - `deferred`: a message that comes back later.
   * - `dead-lettered`: a message that can never be written.
   * - `refused`: the caller's fault; `failed`: not the caller's fault.
   */
  readonly outcome: 'done' | 'duplicate' | 'started' | 'deferred' | 'dead-lettered' | 'refused' | 'failed';
  /** HTTP status. */
  readonly status?: number;
  /** Error code, such as `TABLE_NOT_ALLOWED`. */
  readonly code?: string;
  readonly reason?: string;
  /** The one record that was written or read, where it is known. */
  readonly record?: { readonly table: string; readonly sysId: string; readonly number?: string };
  /** What it came to beyond one record: `10 records`, `997 inserted, 3 rejected`, `shop.yaml: 1 signal`. */
  readonly detail?: string;
  /** Messages: how often it was received, and its id in SQS. */
  readonly attempts?: number;
  readonly messageId?: string;
  /** Seconds until a deferred message comes back. */
  readonly delaySeconds?: number;
  /** The body of the message or request; those of old events are forgotten. */
  readonly body?: string;
  /** How to make the same HTTP request again; forgotten with its body. */
  readonly request?: { readonly target: string; readonly headers: Readonly<Record<string, string>> };
  /** True where `body` is only the beginning. */
  readonly isBodyCut?: true;
  readonly durationMs: number;
};

/** An event that is not in the feed yet. */
export type NewEvent = Omit<StackEvent, 'id' | 'isBodyCut'>;

/** What the log lines of an invocation have in common: the middle of their `xray_trace_id`. */
export function traceOf(requestId: string): string {
  return requestId.replaceAll('-', '').slice(0, 24);
}

/** What a deployment sets in serverless.yml is an option here. */
function withAdvice<Event extends { readonly code?: string; readonly reason?: string }>(event: Event): Event {
  if (event.code !== 'TABLE_NOT_ALLOWED' || event.reason === undefined) return event;
  return { ...event, reason: `${event.reason} (here: start --tables)` };
}

const maxEvents = 10_000;
const maxBodies = 1_000;
const maxBodyCharacters = 16_384;
const maxLoggedRequests = 2_000;
const maxLinesOfRequest = 200;

/** What happened in a local stack, newest last: what `start` prints, and what its page shows. Bounded in memory. */
export class StackFeed {
  readonly #events: StackEvent[] = [];
  readonly #listeners = new Set<(event: StackEvent) => void>();
  readonly #lines = new Map<string, string[]>();
  #lastId = 0;

  /** How many events there were, also those that were forgotten. */
  get count(): number {
    return this.#lastId;
  }

  /** Adds an event and hands it to everyone who subscribed. */
  add(event: NewEvent): StackEvent {
    this.#lastId += 1;
    const { body, ...rest } = event;
    const added: StackEvent = {
      ...withAdvice(rest),
      id: this.#lastId,
      ...(body !== undefined && { body: body.slice(0, maxBodyCharacters) }),
      ...(body !== undefined && body.length > maxBodyCharacters && { isBodyCut: true }),
    };
    this.#events.push(added);
    this.#forget();
    for (const listener of this.#listeners) listener(added);
    return added;
  }

  /** @returns ends the subscription */
  subscribe(listener: (event: StackEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest events, oldest first. @param afterId only those that came after this one */
  recent(limit = maxEvents, afterId = 0): readonly StackEvent[] {
    return this.#events.filter(({ id }) => id > afterId).slice(-limit);
  }

  find(id: number): StackEvent | undefined {
    return this.#events.find((event) => event.id === id);
  }

  /** Keeps a log line of a function for its invocation. @param trace as `traceOf` gives it */
  addLogLine(trace: string, line: string): void {
    const lines = this.#lines.get(trace) ?? [];
    if (lines.length < maxLinesOfRequest) lines.push(line);
    this.#lines.set(trace, lines);
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > maxLoggedRequests && oldest !== undefined) this.#lines.delete(oldest);
  }

  /** The log lines of an invocation, oldest first. */
  logLines(requestId: string): readonly string[] {
    return this.#lines.get(traceOf(requestId)) ?? [];
  }

  #forget(): void {
    if (this.#events.length > maxEvents) this.#events.splice(0, this.#events.length - maxEvents);
    const index = this.#events.length - maxBodies - 1;
    const old = this.#events[index];
    if (old?.body === undefined) return;
    const { body: _body, request: _request, ...rest } = old;
    this.#events[index] = rest;
  }
}
