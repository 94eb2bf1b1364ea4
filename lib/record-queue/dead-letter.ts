import type { MessageAttributeValue, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { digestOf } from '../aws/digest.ts';
import type { StateTable } from '../aws/state-table.ts';
import { lastingId } from '../core/caller.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import { ConnectorError } from '../core/errors.ts';
import { processRedactor } from '../core/redaction.ts';
import { type Origin, senderAttribute, sentAtAttribute, sequenceAttribute } from './first-sender.ts';
import { keyAttribute } from './message.ts';
import type { MessageAttribute, QueuedMessage } from './sqs-event.ts';

/** Attributes that a dead letter carries in addition to those of its message; a redrive removes them again. */
const reasonAttributes: readonly string[] = [
  'ErrorCode',
  'ErrorMessage',
  'RequestId',
  'Attempts',
  senderAttribute,
  sentAtAttribute,
  sequenceAttribute,
];

/** Holds, as JSON, the attributes of the message that there is no place for: SQS takes ten. A redrive restores them. */
const displacedAttribute = 'DisplacedAttributes';

/** SQS carries ten attributes with a message, and a mebibyte in all. */
const maxAttributes = 10;
const maxBytes = 1_048_576;
const maxMessageCharacters = 1_000;

type Attributes = Readonly<Record<string, MessageAttributeValue>>;
type Named = readonly [name: string, attribute: MessageAttributeValue];

/**
 * The message for the dead-letter queue: the same body and attributes, its key, and why it could not be written. A message that
 * was known by its id takes the id along as its key, so that sending it again has no second effect. Where the message leaves no
 * room, its own attributes come first, then key and code; see `rememberReason` for what is left out.
 * @param requestId of the invocation, to find it in the log
 */
export function toDeadLetter(message: QueuedMessage, error: unknown, requestId: string) {
  const own = Object.entries(message.attributes).filter(
    ([name, attribute]) => !reasonAttributes.includes(name) && (name !== keyAttribute || 'text' in attribute),
  );
  const key = own.some(([name]) => name === keyAttribute) ? [] : [asText(keyAttribute, knownAs(message))];
  const reasons = [...key, ...reasonsOf(message, error, requestId)];
  const given = own.map(([name, attribute]) => [name, toSqs(attribute)] as const);
  const packed = displace(given, reasons.length);
  // As base64, bytes may need more room than there is: then they keep their places, and the reasons have none.
  const carried = takesAttributes(message.body, Object.fromEntries(packed)) ? packed : given;
  return {
    MessageBody: message.body,
    MessageAttributes: withinLimits(message.body, [...carried, ...reasons]),
    ...(message.groupId !== undefined && {
      MessageGroupId: message.groupId,
      MessageDeduplicationId: message.messageId,
    }),
  } satisfies Omit<SendMessageBatchRequestEntry, 'Id'>;
}

/** The key of a message whose body and attributes give none. */
function knownAs({ recalledKey, messageId }: QueuedMessage): string {
  return recalledKey ?? messageId;
}

/** The most important first. */
function reasonsOf(message: QueuedMessage, error: unknown, requestId: string): readonly Named[] {
  return [
    asText('ErrorCode', codeOfError(error)),
    asText('Attempts', String(message.receiveCount)),
    ...(message.sender === undefined ? [] : [asText(senderAttribute, message.sender)]),
    asText('RequestId', requestId),
    asText(sentAtAttribute, String(message.sentAtMs)),
    ...(message.sequence === undefined ? [] : [asText(sequenceAttribute, message.sequence)]),
    asText('ErrorMessage', describe(error)),
  ];
}

function asText(name: string, StringValue: string): Named {
  return [name, { DataType: 'String', StringValue }];
}

/** Packs those attributes into one for which there is no place among ten. The key stays by itself, as senders read it. */
function displace(own: readonly Named[], reasons: number): readonly Named[] {
  const places = maxAttributes - reasons;
  if (own.length <= places) return own;
  const sorted = own.toSorted(([a], [b]) => Number(b === keyAttribute) - Number(a === keyAttribute));
  const packed = sorted.slice(places - 1).map(([name, { DataType = '', StringValue, BinaryValue }]) => {
    const value = BinaryValue
      ? { base64: Buffer.from(BinaryValue).toString('base64') }
      : { text: StringValue ?? '' };
    return [name, { dataType: DataType, ...value }] as const;
  });
  return [
    ...sorted.slice(0, places - 1),
    asText(displacedAttribute, JSON.stringify(Object.fromEntries(packed))),
  ];
}

function toSqs(attribute: MessageAttribute): MessageAttributeValue {
  const { dataType: DataType } = attribute;
  return 'text' in attribute
    ? { DataType, StringValue: attribute.text }
    : { DataType, BinaryValue: Buffer.from(attribute.base64, 'base64') };
}

/** As many as fit next to the body: a letter that SQS does not accept would come back forever. */
function withinLimits(body: string, attributes: readonly Named[]): Attributes {
  let room = maxBytes - Buffer.byteLength(body);
  const kept = new Map<string, MessageAttributeValue>();
  for (const [name, given] of attributes) {
    const attribute = name === 'ErrorMessage' ? shorten(name, given, room) : given;
    const bytes = bytesOf(name, attribute);
    if (bytes > room || isEmpty(attribute) || kept.size === maxAttributes) continue;
    kept.set(name, attribute);
    room -= bytes;
  }
  return Object.fromEntries(kept);
}

function isEmpty({ StringValue, BinaryValue }: MessageAttributeValue): boolean {
  return StringValue === '' || BinaryValue?.length === 0;
}

function shorten(name: string, attribute: MessageAttributeValue, room: number): MessageAttributeValue {
  const excess = Math.max(0, bytesOf(name, attribute) - room);
  const bytes = Buffer.from(attribute.StringValue ?? '');
  const kept = bytes.subarray(0, Math.max(0, bytes.length - excess)).toString();
  return { ...attribute, StringValue: kept.replace(/\uFFFD+$/, '') };
}

/** What counts toward the size of a message: name, type and value. */
function bytesOf(name: string, { DataType = '', StringValue, BinaryValue }: MessageAttributeValue): number {
  return Buffer.byteLength(name) + DataType.length + (BinaryValue ?? Buffer.from(StringValue ?? '')).length;
}

function codeOfError(error: unknown): string {
  return error instanceof ConnectorError ? error.code : 'INTERNAL';
}

/** Without secrets, and without the control characters that SQS refuses. */
function describe(error: unknown): string {
  const text = error instanceof ConnectorError ? error.message : 'Internal error; see the log';
  const clean = processRedactor.redact(text).replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/gu, ' ');
  return clean.slice(0, maxMessageCharacters) || 'no reason given';
}

const attributeSchema = z.record(
  z.string(),
  z.object({ dataType: z.string(), text: z.optional(z.string()), base64: z.optional(z.string()) }),
);

/**
 * The attributes of the message that a dead letter was made of, with its key.
 * @param key what it is known by where no attribute says so
 */
export function originalAttributes(letter: Attributes, key: string): Attributes {
  const ours = [...reasonAttributes, displacedAttribute];
  const kept = Object.entries(letter).filter(([name]) => !ours.includes(name));
  const packed =
    z.safeParse(attributeSchema, parseOrNothing(letter[displacedAttribute]?.StringValue)).data ?? {};
  const own = Object.entries(packed).filter(([name]) => !ours.includes(name));
  const restored = own.map(([name, { dataType: DataType, text, base64 }]) => {
    const value =
      base64 === undefined ? { StringValue: text ?? '' } : { BinaryValue: Buffer.from(base64, 'base64') };
    return [name, { DataType, ...value }] as const;
  });
  const all: Record<string, MessageAttributeValue> = Object.fromEntries([...kept, ...restored]);
  all[keyAttribute] ??= { DataType: 'String', StringValue: key };
  if (Object.keys(all).length <= maxAttributes) return all;
  // Ten of its own leave no place for the key, which is known by the body then.
  const { [keyAttribute]: _key, ...withoutKey } = all;
  return withoutKey;
}

function parseOrNothing(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What SQS takes as text, and no longer than any ARN that IAM knows. */
const senderShape = /^[\x20-\x7e]{1,2048}$/;

/** The attributes with who sent the message first, and when; without what there is no room for. */
export function withOrigin(
  body: string,
  attributes: Attributes,
  { sender, sentAtMs, sequence }: Origin,
): Attributes {
  const origin = [
    ...(sender !== undefined && senderShape.test(sender) ? [asText(senderAttribute, sender)] : []),
    ...(sentAtMs === undefined ? [] : [asText(sentAtAttribute, String(sentAtMs))]),
    ...(sequence === undefined ? [] : [asText(sequenceAttribute, sequence)]),
  ];
  let taken = attributes;
  for (const [name, attribute] of origin) {
    const all = { ...taken, [name]: attribute };
    if (Object.keys(all).length <= maxAttributes && takesAttributes(body, all)) taken = all;
  }
  return taken;
}

/** True when the attributes fit next to the body. */
export function takesAttributes(body: string, attributes: Attributes, most = maxBytes): boolean {
  const bytes = Object.entries(attributes).reduce(
    (sum, [name, attribute]) => sum + bytesOf(name, attribute),
    0,
  );
  return Buffer.byteLength(body) + bytes <= most;
}

/** Why a message became a dead letter, and its key, where the letter has no room to say so. */
export type RememberedReason = { readonly key: string; readonly code: string };

/** SQS keeps a dead letter for 14 days; one that is moved back may become one again. */
const keptSeconds = 30 * 86_400;

/** So much room has every message whose dead letter says everything that matters. */
const neededBytes = 800;

/** True for a message without a key whose body or attributes may leave no room for one. */
export function mayLackKey({ body, attributes }: QueuedMessage): boolean {
  if (attributes[keyAttribute] !== undefined) return false;
  const given = Object.entries(attributes).map(([name, one]) => [name, toSqs(one)] as const);
  return (
    hasAllPlaces(attributes) || !takesAttributes(body, Object.fromEntries(given), maxBytes - neededBytes)
  );
}

function hasAllPlaces(attributes: QueuedMessage['attributes']): boolean {
  return Object.keys(attributes).length >= maxAttributes;
}

/**
 * Remembers in the state table what a letter, or its message once it is moved back, has no room for; nothing for almost every
 * letter.
 * @throws what the state table throws
 */
export async function rememberReason(
  { message, error, requestId }: { message: QueuedMessage; error: unknown; requestId: string },
  letter: { readonly MessageAttributes: Attributes },
  {
    stateTable,
    deployment,
    clock,
    deadline,
  }: { stateTable: () => StateTable; deployment: string; clock: Clock; deadline: Deadline },
): Promise<void> {
  const { MessageAttributes: said } = letter;
  const given = message.attributes[keyAttribute];
  const willLackKey = given === undefined && hasAllPlaces(message.attributes);
  if (said['ErrorCode'] && said[keyAttribute] && !willLackKey) return;
  const key = given && 'text' in given ? given.text : knownAs(message);
  const item = {
    // By its key, so that a letter that fails again is still the only one with this body.
    ...{ pk: pkOf(deployment, message.body), sk: digestOf(key) },
    ...{ key, code: codeOfError(error) },
    ...{ reason: describe(error), requestId, attempts: message.receiveCount },
    expiresAt: Math.floor(clock.now() / 1000) + keptSeconds,
  };
  await stateTable().put(item, undefined, { deadline });
}

/** Remembers the key of a letter that cannot travel with its message, as SQS itself moved it to the dead-letter queue. */
export async function rememberKey(
  body: string,
  key: string,
  { stateTable, deployment, nowMs }: { stateTable: StateTable; deployment: string; nowMs: number },
): Promise<void> {
  const expiresAt = Math.floor(nowMs / 1000) + keptSeconds;
  await stateTable.put({ pk: pkOf(deployment, body), sk: digestOf(key), key, code: 'UNKNOWN', expiresAt });
}

/** What was remembered of messages with this body. */
export async function recallReasons(
  body: string,
  stateTable: StateTable,
  deployment: string,
): Promise<readonly RememberedReason[]> {
  const items = await stateTable.query(pkOf(deployment, body));
  return items.map((item) => ({ key: String(item['key']), code: String(item['code']) }));
}

/**
 * The key of a message that came back from the dead-letter queue without room for one; undefined for one that did not. Messages
 * with the same body cannot be distinguished: each takes another of the remembered keys, the same one whenever it is delivered
 * again, and what is left over is new.
 * @param trusted ids of roles and users that only move letters: a redrive that died may leave a second copy of one
 * @throws what the state table throws
 */
export async function takeKey(
  { body, messageId, sender }: Pick<QueuedMessage, 'body' | 'messageId' | 'sender'>,
  stateTable: StateTable,
  deployment: string,
  trusted: readonly string[],
  deadline: Deadline,
): Promise<string | undefined> {
  const items = await stateTable.query(pkOf(deployment, body), {}, { deadline });
  const mine = items.find(({ key, takenBy }) => key === messageId || takenBy === messageId);
  if (mine) return String(mine['key']);
  for (const item of items) {
    const isFree = { attribute: 'takenBy', exists: false } as const;
    if (await stateTable.put({ ...item, takenBy: messageId }, isFree, { deadline }))
      return String(item['key']);
  }
  const isMoved = sender !== undefined && trusted.includes(lastingId(sender));
  return isMoved && items[0] ? String(items[0]['key']) : undefined;
}

function pkOf(deployment: string, body: string): string {
  return `letter#${deployment}#${digestOf(body)}`;
}
