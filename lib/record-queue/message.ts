import * as z from 'zod/mini';
import { InvalidInputError, invalidBy } from '../core/errors.ts';
import { maxDepth, parseJson, tooDeep } from '../core/parse-json.ts';
import { once } from '../core/shared-work.ts';
import { isBlank, tableName } from '../operations/parameters.ts';
import { notWellFormed } from '../operations/record-input.ts';
import { readSignal, type Signal } from '../operations/signal.ts';
import { signalShape } from '../operations/signal-schema.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** What a message asks for, and the key by which this piece of work is known. */
export type RecordCommand = {
  readonly message: QueuedMessage;
  readonly command: RecordMessage;
  /** From the body, else the message attribute `IdempotencyKey`, else the message id. */
  readonly key: string;
  /** False when the key is the message id: then only redeliveries of this very message can repeat it. */
  readonly hasExplicitKey: boolean;
  /** True where whatever comes under the key later is the same work, e.g. signals about a thing whose first one makes its record. */
  readonly keyIsWork?: boolean;
};

/** The message attribute that holds the key when the body does not. */
export const keyAttribute = 'IdempotencyKey';

const longestKey = 512;
const notBlank = 'must not be blank';
const notLong = `must have at most ${longestKey} characters`;

const sysId = z
  .string('required; the sys_id of the record')
  .check(z.regex(/^[A-Za-z0-9_-]{1,32}$/, 'must be a sys_id: 32 hexadecimal digits'));

const record = z.record(z.string(), z.unknown(), 'required; a JSON object of column names and values');

const match = z
  .record(
    z.string().check(z.regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/)),
    z.string('must be text').check(z.regex(/\S/, 'must not be empty')),
    {
      error: ({ code }) =>
        code === 'invalid_key'
          ? 'is not a column name'
          : 'required; a JSON object of columns and the values that find the record',
    },
  )
  .check(z.refine((columns) => Object.keys(columns).length > 0, 'must name at least one column'));

const common = {
  table: tableName,
  /** Names this piece of work; a second message with the same key changes nothing. */
  key: z.optional(
    z.string('must be text').check(
      z.regex(/\S/, notBlank),
      z.refine((given) => !isBlank(given), notBlank),
      z.maxLength(longestKey, notLong),
    ),
  ),
  /** The instance, where a deployment has several. */
  instance: z.optional(z.string('must be text')),
  options: z.optional(z.strictObject({ inputDisplayValue: z.optional(z.boolean('must be true or false')) })),
};

const actions = 'must be create, update, upsert, delete or signal';

const commands = [
  z.strictObject({ action: z.literal('create'), ...common, record }),
  z.strictObject({ action: z.literal('update'), ...common, sysId, record }),
  z.strictObject({ action: z.literal('upsert'), ...common, match, record }),
  z.strictObject({ action: z.literal('delete'), ...common, sysId }),
] as const;

/** A message that is no signal. */
const recordCommand = z.discriminatedUnion('action', commands, actions);

/** What a message on the records queue may say, by its action. */
export const recordMessage = /* @__PURE__ */ once(() => {
  const { instance } = common;
  const signal = z.strictObject({ action: z.literal('signal'), ...signalShape(), instance });
  return z.discriminatedUnion('action', [...commands, signal], actions);
});

/** A signal as a command: its table is its target. */
type SignalMessage = {
  readonly action: 'signal';
  readonly table: string;
  readonly signal: Signal;
  readonly instance: string | undefined;
};

/** A message that has been read. */
export type RecordMessage = z.output<typeof recordCommand> | SignalMessage;

/**
 * Reads a message.
 * @throws InvalidInputError naming what is wrong with it
 */
export function readCommand(message: QueuedMessage): RecordCommand {
  const command = parseRecordMessage(message.body);
  const given =
    command.action === 'signal'
      ? nameOf(command.signal)
      : (command.key ?? keyIn(message) ?? message.recalledKey);
  return { message, command, key: given ?? message.messageId, hasExplicitKey: given !== undefined };
}

/** A signal names itself: the same event of the same thing is the same work. */
function nameOf({ source, key, eventId, signal }: Signal): string {
  return JSON.stringify(['signal', source, key, eventId, signal]);
}

/**
 * The key that a message says in an attribute; undefined where it says none.
 * @throws InvalidInputError for a key that is blank, too long or no text
 */
export function keyIn({ attributes }: QueuedMessage): string | undefined {
  const attribute = attributes[keyAttribute];
  if (attribute === undefined) return undefined;
  if (!('text' in attribute)) throw new InvalidInputError(keyAttribute, 'the message attribute must be text');
  const { text } = attribute;
  if (isBlank(text)) throw new InvalidInputError(keyAttribute, `the message attribute ${notBlank}`);
  if (text.length > longestKey) throw new InvalidInputError(keyAttribute, `the message attribute ${notLong}`);
  return text;
}

/**
 * Reads the body of a message; without an action it is a create.
 * @throws InvalidInputError naming the path that is wrong
 */
function parseRecordMessage(body: string): RecordMessage {
  const given = parseObject(body);
  if ('action' in given && given.action === 'signal') return parseSignal(given);
  const parsed = z.safeParse(recordCommand, { action: 'create', ...given });
  if (parsed.success) return checkColumns(parsed.data, given);
  throw invalidBy(parsed.error.issues, 'body');
}

function parseSignal(given: object): SignalMessage {
  const signal = readSignal(given);
  checkValues(given, ['fields', 'resolve', 'lookups']);
  return { action: 'signal', table: signal.target ?? 'incident', signal, instance: signal.instance };
}

function parseObject(body: string): object {
  try {
    const parsed = parseJson(body);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // The parser's message quotes the body, which may hold what must not be logged.
    throw new InvalidInputError('body', 'is not valid JSON');
  }
  throw new InvalidInputError('body', 'must be a JSON object');
}

/** @param given the body: the schema leaves `__proto__` out without a word */
function checkColumns(message: Exclude<RecordMessage, SignalMessage>, given: object): RecordMessage {
  checkValues(given, ['record', 'match']);
  const creates = message.action === 'create' || message.action === 'upsert';
  if (creates && Object.hasOwn(message.record, 'sys_id'))
    throw new InvalidInputError(
      'record.sys_id',
      'is derived from the key; give what identifies the record as "key"',
    );
  return message;
}

function checkValues(given: object, parts: readonly string[]): void {
  for (const part of parts) {
    const columns: unknown = Object.getOwnPropertyDescriptor(given, part)?.value;
    if (typeof columns !== 'object' || columns === null) continue;
    for (const [name, value] of Object.entries(columns)) {
      if (name === '__proto__') throw new InvalidInputError(`${part}.__proto__`, 'is not a column name');
      if (name === '') throw new InvalidInputError(part, 'holds a column without a name');
      // No URL can name it.
      if (!name.isWellFormed()) throw new InvalidInputError(part, notWellFormed);
      if (isDeeperThan(maxDepth, value)) throw new InvalidInputError(`${part}.${name.slice(0, 80)}`, tooDeep);
    }
  }
}

/** Level by level, as a recursion over any depth would run out of stack. */
function isDeeperThan(levels: number, value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= levels; depth += 1) {
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}
