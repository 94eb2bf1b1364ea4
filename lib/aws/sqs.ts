import type {
  ChangeMessageVisibilityBatchRequestEntry,
  DeleteMessageBatchRequestEntry,
  Message,
  QueueAttributeName,
  SendMessageBatchRequestEntry,
  SQSClient,
} from '@aws-sdk/client-sqs';

/** SQS takes ten entries in one call, */
const maxEntries = 10;
/** and this much in one call of sends, 1 MiB less a margin for what surrounds the bodies. */
const maxSendBytes = 1_000_000;

/** What went wrong with one entry, by its place in the list given. */
export type EntryFailure = { readonly index: number; readonly reason: string };

type SendEntry = Omit<SendMessageBatchRequestEntry, 'Id'>;
type VisibilityEntry = Omit<ChangeMessageVisibilityBatchRequestEntry, 'Id'>;

let client: Promise<SQSClient> | undefined;

/** The SDK is loaded by the first call: a batch without failures never needs it. */
function sqs(): Promise<SQSClient> {
  client ??= import('./sdk/sqs.ts').then((sdk) => new sdk.SQSClient({ maxAttempts: 3 }));
  return client;
}

/** Sends messages; gives those that SQS did not take, or not before the signal. Never throws. */
export async function sendMessages(
  queueUrl: string,
  entries: readonly SendEntry[],
  signal?: AbortSignal,
): Promise<readonly EntryFailure[]> {
  const { SendMessageBatchCommand } = await import('./sdk/sqs.ts');
  return sendInCalls(entries, sendBytes, async (Entries) =>
    (await sqs()).send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }), until(signal)),
  );
}

/**
 * As `send`, for a FIFO queue: the calls of one send may overtake each other, so that messages of a group are sent one after another,
 * and behind one that SQS did not take no later one.
 */
export async function sendInOrder(
  send: typeof sendMessages,
  queueUrl: string,
  entries: readonly SendEntry[],
  signal?: AbortSignal,
): Promise<readonly EntryFailure[]> {
  const failures: EntryFailure[] = [];
  const places = entries.map((entry, index) => ({ entry, index }));
  let groups = [...Map.groupBy(places, ({ entry, index }) => entry.MessageGroupId ?? index).values()];
  while (groups.length > 0) {
    const due = groups.flatMap(([first]) => first ?? []);
    const lost = await send(
      queueUrl,
      due.map(({ entry }) => entry),
      signal,
    );
    const reasons = new Map(lost.map(({ index, reason }) => [due[index]?.index, reason]));
    for (const group of groups) {
      const reason = reasons.get(group[0]?.index);
      if (reason !== undefined) failures.push(...group.map(({ index }) => ({ index, reason })));
    }
    const open = groups.filter(([first]) => !reasons.has(first?.index));
    groups = open.map((group) => group.slice(1)).filter((group) => group.length > 0);
  }
  return failures;
}

/** Sends one message. @returns its id @throws what SQS answers */
export async function sendMessage(queueUrl: string, entry: SendEntry, signal?: AbortSignal): Promise<string> {
  const { SendMessageCommand } = await import('./sdk/sqs.ts');
  const command = new SendMessageCommand({ ...entry, QueueUrl: queueUrl });
  return (await (await sqs()).send(command, until(signal))).MessageId ?? '';
}

/** Hides received messages for a time; gives those that it could not be changed for, or not before the signal. Never throws. */
export async function changeVisibility(
  queueUrl: string,
  entries: readonly VisibilityEntry[],
  signal?: AbortSignal,
): Promise<readonly EntryFailure[]> {
  const { ChangeMessageVisibilityBatchCommand } = await import('./sdk/sqs.ts');
  return sendInCalls(entries, noBytes, async (Entries) => {
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries });
    return (await sqs()).send(command, until(signal));
  });
}

/** Deletes received messages; gives those that were not. Never throws. */
export async function deleteMessages(
  queueUrl: string,
  entries: readonly Omit<DeleteMessageBatchRequestEntry, 'Id'>[],
): Promise<readonly EntryFailure[]> {
  const { DeleteMessageBatchCommand } = await import('./sdk/sqs.ts');
  return sendInCalls(entries, noBytes, async (Entries) =>
    (await sqs()).send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries })),
  );
}

/** Up to ten messages with all their attributes, hidden for so long; none when the queue gives none for `waitSeconds`. */
export async function receiveMessages(
  queueUrl: string,
  hiddenSeconds: number,
  waitSeconds: number,
): Promise<readonly Message[]> {
  const { ReceiveMessageCommand } = await import('./sdk/sqs.ts');
  const { Messages = [] } = await (await sqs()).send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: maxEntries,
      VisibilityTimeout: hiddenSeconds,
      WaitTimeSeconds: waitSeconds,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: [
        'ApproximateFirstReceiveTimestamp',
        'MessageGroupId',
        'SenderId',
        'SentTimestamp',
      ],
    }),
  );
  return Messages;
}

/** About how many messages of a queue can be received now. */
export function countMessages(queueUrl: string): Promise<number> {
  return addCounts(queueUrl, ['ApproximateNumberOfMessages']);
}

/** About how many messages a queue holds, also those that are being worked on and those that come later. */
export function countHeld(queueUrl: string): Promise<number> {
  return addCounts(queueUrl, [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ]);
}

async function addCounts(queueUrl: string, AttributeNames: QueueAttributeName[]): Promise<number> {
  const { GetQueueAttributesCommand } = await import('./sdk/sqs.ts');
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames });
  const { Attributes = {} } = await (await sqs()).send(command);
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
}

function until(signal: AbortSignal | undefined) {
  return signal ? { abortSignal: signal } : {};
}

type BatchResult = {
  readonly Failed?: readonly { Id: string | undefined; Message?: string | undefined }[] | undefined;
};

/** Calls that SQS limits by the number of their entries only. */
const noBytes = () => 0;

/** Sends entries in as many calls as SQS needs for them. */
async function sendInCalls<T>(
  entries: readonly T[],
  bytesOf: (entry: T) => number,
  send: (entries: (T & { readonly Id: string })[]) => Promise<BatchResult>,
): Promise<readonly EntryFailure[]> {
  const failures = cut(entries, bytesOf).map(async ({ offset, part }) => {
    try {
      const { Failed = [] } = await send(part.map((entry, index) => ({ ...entry, Id: String(index) })));
      return Failed.map(({ Id, Message = 'refused' }) => ({ index: offset + Number(Id), reason: Message }));
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'unknown';
      return part.map((_entry, index) => ({ index: offset + index, reason }));
    }
  });
  return (await Promise.all(failures)).flat();
}

function cut<T>(entries: readonly T[], bytesOf: (entry: T) => number) {
  const parts: { readonly offset: number; readonly part: T[]; bytes: number }[] = [];
  for (const [index, entry] of entries.entries()) {
    const size = bytesOf(entry);
    const last = parts.at(-1);
    if (last && last.part.length < maxEntries && last.bytes + size <= maxSendBytes) {
      last.part.push(entry);
      last.bytes += size;
    } else parts.push({ offset: index, part: [entry], bytes: size });
  }
  return parts;
}

function sendBytes({ MessageBody = '', MessageAttributes = {} }: SendEntry): number {
  return Buffer.byteLength(MessageBody) + Buffer.byteLength(JSON.stringify(MessageAttributes));
}
