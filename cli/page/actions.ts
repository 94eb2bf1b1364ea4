import { Buffer } from 'node:buffer';
import { createStateTable } from '../../lib/aws/state-table.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { keyAttribute } from '../../lib/record-queue/message.ts';
import { redrive } from '../../lib/record-queue/redrive.ts';
import { breakages } from '../break/faults.ts';
import { counted } from '../counted.ts';
import type { StackEvent } from '../feed/feed.ts';
import { useLocalEndpoints } from '../local-credentials.ts';
import { addReports, failedRedrive } from '../redrive/add-reports.ts';
import type { PageStack } from './stack-view.ts';

/** A button of the page: its label, and what it does. */
type Action = { readonly label: string; run(stack: PageStack): Promise<string> };

const messagesAtOnce = 10;
const people = 1_000;

/** Things to send, by the name in the form. */
export const tries: Readonly<Record<string, Action>> = {
  incident: { label: 'Create an incident', run: createIncident },
  messages: { label: 'Send 25 messages', run: (stack) => sendMany(stack, 25) },
  twice: { label: 'Send one message twice', run: sendTwice },
  poison: { label: 'Send a message that cannot be written', run: sendPoison },
  csv: { label: 'Drop a CSV with 1,000 people', run: dropPeople },
};

async function createIncident({ endpoints }: PageStack): Promise<string> {
  const response = await fetch(`${endpoints.api}/api/now/table/incident`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ short_description: 'Disk full on web-01', urgency: '2' }),
  });
  return `POST incident: ${response.status}`;
}

async function sendMany(stack: PageStack, messages: number): Promise<string> {
  const run = Date.now().toString(36);
  const bodies = Array.from({ length: messages }, (_, n) =>
    incidentMessage(`page-${run}-${n}`, `Temperature of rack ${n} is high`),
  );
  await sendToRecords(stack, bodies);
  return `${counted(messages, 'message')} sent`;
}

async function sendTwice(stack: PageStack): Promise<string> {
  const body = incidentMessage(`page-twice-${Date.now().toString(36)}`, 'The same alarm, delivered twice');
  await sendToRecords(stack, [body, body]);
  return 'One message sent twice: one incident, one duplicate prevented';
}

async function sendPoison(stack: PageStack): Promise<string> {
  await sendToRecords(stack, [JSON.stringify({ table: 'incidnt', record: { short_description: 'A typo' } })]);
  return 'Sent: it becomes a dead letter with its reason, and blocks nothing';
}

function incidentMessage(key: string, text: string): string {
  return JSON.stringify({ table: 'incident', key, record: { short_description: text, urgency: '3' } });
}

async function dropPeople({ endpoints }: PageStack): Promise<string> {
  const run = Date.now().toString(36);
  const rows = Array.from(
    { length: people },
    (_, n) => `page.${run}.${n},Pat,Page ${n},page.${run}.${n}@example.com`,
  );
  const file = `people-${run}.csv`;
  const { endpoint, bucket } = endpoints.s3;
  const response = await fetch(`${endpoint}/${bucket}/imports/imp_user/${file}`, {
    method: 'PUT',
    body: `user_id,first_name,last_name,email\n${rows.join('\n')}\n`,
  });
  return response.ok ? `imports/imp_user/${file} dropped` : `S3 answered ${response.status}`;
}

type Entry = { readonly body: string; readonly key?: string };

async function sendToRecords({ endpoints }: PageStack, messages: readonly (string | Entry)[]): Promise<void> {
  const entries = messages.map((message) => (typeof message === 'string' ? { body: message } : message));
  for (let from = 0; from < entries.length; from += messagesAtOnce) {
    const Entries = entries.slice(from, from + messagesAtOnce).map(({ body, key }: Entry, n) => ({
      Id: `${n}`,
      MessageBody: body,
      ...(key !== undefined && {
        MessageAttributes: { [keyAttribute]: { DataType: 'String', StringValue: key } },
      }),
    }));
    const response = await fetch(endpoints.sqs.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.SendMessageBatch' },
      body: JSON.stringify({ QueueUrl: endpoints.sqs.recordsQueueUrl, Entries }),
    });
    if (!response.ok) throw new Error(`SQS answered ${response.status}`);
  }
}

/** True for what can be sent again: a message, or a record that was posted, of which the whole body is kept. */
export function isSendable(event: StackEvent): boolean {
  return event.body !== undefined && !event.isBodyCut && (event.way === 'SQS' || isPost(event));
}

const isPost = ({ functionKey, request }: StackEvent) =>
  functionKey === 'postRecord' && request !== undefined;

/** True for a POST without a key, which makes one more record each time. */
export function makesAnother(event: StackEvent): boolean {
  return isPost(event) && event.request?.headers['idempotency-key'] === undefined;
}

/**
 * Sends a message again under its key, or makes the request for a record again as it was made.
 * @throws Error for an event that cannot be sent again
 */
export async function sendAgain(stack: PageStack, event: StackEvent): Promise<string> {
  const { body, request } = event;
  if (body === undefined || !isSendable(event)) throw new Error('This cannot be sent again');
  if (event.way === 'SQS') {
    await sendToRecords(stack, [{ body, key: event.subject }]);
    return 'Sent again under the same key';
  }
  const { target = '', headers = {} } = request ?? {};
  const response = await fetch(`${stack.endpoints.api}${target}`, { method: 'POST', headers, body });
  const isReplayed = response.headers.get('idempotency-replayed') === 'true';
  const isAnother = response.status === 201 && makesAnother(event);
  const remark = isReplayed
    ? ', the record was there already'
    : isAnother
      ? ', another record: it has no Idempotency-Key'
      : '';
  return `${event.subject}: ${response.status}${remark}`;
}

const brokenSeconds = 20;

/** Labels of the ways to break the instance, by the names of `break`. */
export const breakLabels: Readonly<Record<string, string>> = {
  outage: 'Outage',
  '429': '429',
  'expired-tokens': 'Expired tokens',
  'lost-answers': 'Answers lost after the commit',
  'late-commits': 'Commits after the caller has gone',
  slow: 'Slow',
};

/** Breaks the instance for a time, and repairs it. */
export class Breaker {
  readonly #stack: PageStack;
  readonly #running = new Map<
    string,
    { readonly label: string; readonly untilMs: number; readonly timer: NodeJS.Timeout }
  >();

  constructor(stack: PageStack) {
    this.#stack = stack;
  }

  /** @returns what happens now; undefined for an unknown way */
  start(name: string): string | undefined {
    const found = Object.hasOwn(breakages, name) ? breakages[name] : undefined;
    if (!found) return undefined;
    const { faults } = this.#stack.instance.control;
    const label = breakLabels[name] ?? name;
    const untilMs = Date.now() + brokenSeconds * 1_000;
    for (const fault of found.faults) {
      const id = faults.add({ ...fault, probability: 1 });
      const timer = setTimeout(() => this.#end(id), brokenSeconds * 1_000);
      timer.unref();
      this.#running.set(id, { label, untilMs, timer });
    }
    return `${label}, ${brokenSeconds} s: ${found.about}`;
  }

  /** Ends every break that was started here. */
  repair(): string {
    for (const id of [...this.#running.keys()]) this.#end(id);
    return 'The instance works normally again';
  }

  /** What is broken now, and until when (ISO). */
  active(): readonly { readonly label: string; readonly until: string }[] {
    const planned = new Set(this.#stack.instance.control.faults.list().map(({ id }) => id));
    return [...this.#running]
      .filter(([id]) => planned.has(id))
      .map(([, { label, untilMs }]) => ({ label, until: new Date(untilMs).toISOString() }));
  }

  #end(id: string): void {
    clearTimeout(this.#running.get(id)?.timer);
    this.#running.delete(id);
    this.#stack.instance.control.faults.clear(id);
  }
}

/**
 * Moves dead letters back to their queues, of one error code or all.
 * @param watchSeconds for how long letters that fail again are waited for
 */
export async function redriveLetters(
  stack: PageStack,
  code: string | undefined,
  watchSeconds: number,
): Promise<string> {
  const { sqs, dynamodb } = stack.endpoints;
  const variables = Object.entries(stack.functionEnvironment);
  useLocalEndpoints(Object.fromEntries(variables.filter(([name]) => name.startsWith('AWS_'))));
  const { deployment } = readConfig({ ...stack.functionEnvironment });
  const { stateTable } = dynamodb;
  const remembered =
    stateTable === undefined
      ? undefined
      : { stateTable: createStateTable(stateTable, systemClock, Math.random), deployment };
  const codes = code === undefined ? undefined : [code];
  const redrives = sqs.queues.map(async ({ url: deadLetterUrl, deadLettersOf: queueUrl }) => {
    if (!queueUrl) return [];
    const settings = { codes, dryRun: false, remembered, waitSeconds: 1, watchSeconds };
    const work = redrive({ deadLetterUrl, queueUrl, ...settings });
    return [await work.catch((error: unknown) => failedRedrive(deadLetterUrl, error))];
  });
  const { moved, returned, failures, underWay } = addReports((await Promise.all(redrives)).flat());
  const again = [...returned].map(([why, count]) => `${count} failed again (${why})`);
  return [
    `${counted(moved, 'letter')} moved back`,
    ...again,
    underWay > 0 && `the queue still holds ${counted(underWay, 'message')}`,
    failures.length > 0 && `${failures.length} could not be moved (${failures[0]})`,
  ]
    .filter((part) => part !== false)
    .join(', ');
}

/** The bytes of a form: `application/x-www-form-urlencoded`, at most 16 KiB. @throws Error when it is longer */
export async function readForm(body: AsyncIterable<unknown>): Promise<URLSearchParams> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    const bytes = Buffer.from(piece instanceof Uint8Array ? piece : String(piece));
    size += bytes.length;
    if (size > 16_384) throw new Error('The form is too long');
    pieces.push(bytes);
  }
  return new URLSearchParams(Buffer.concat(pieces).toString('utf8'));
}
