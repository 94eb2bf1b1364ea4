import { randomUUID } from 'node:crypto';
import type { WriteRequest } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../core/clock.ts';
import { inParts } from '../core/in-parts.ts';
import { fullJitterMs } from '../core/retry-timing.ts';
import {
  type Attributes,
  ConditionFailed,
  createStateCalls,
  type Loaded,
  type SendOptions,
  type StateCall,
  StateUnavailableError,
} from './state-calls.ts';
import {
  type Condition,
  type Expression,
  isMetByNothing,
  type StateValue,
  toCondition,
  toRange,
  toUnexpired,
  toUpdate,
  type Update,
} from './state-expressions.ts';

/** The primary key of an item. */
export type StateKey = { readonly pk: string; readonly sk: string };

/** An item: its key, its attributes, and optionally the moment it expires in seconds since the Unix epoch. */
export type StateItem = StateKey & { readonly expiresAt?: number } & { readonly [name: string]: StateValue };

/** One write of `writeMany`, without a condition. */
export type StateWrite = { readonly put: StateItem } | { readonly delete: StateKey };

/** Which items of a partition `query` returns. Bounds are inclusive; `prefix` excludes them. */
export type StateRange = {
  readonly prefix?: string;
  readonly from?: string;
  readonly to?: string;
  /** Live items at most. */
  readonly limit?: number;
  readonly descending?: boolean;
};

/**
 * The table that holds what the deployment has to remember: effects of messages, doubts, the import schedule. It never holds
 * a secret or the content of a record. Every read is strongly consistent and ignores items that have expired, since
 * DynamoDB deletes them up to days later.
 *
 * A write under a condition is judged once: where its answer is lost and the SDK sends it again, the condition may fail by the
 * effect of the first copy, which counts as success.
 *
 * Every method throws StateUnavailableError when DynamoDB throttles or cannot be reached in time, ConfigurationError for
 * `STATE_TABLE` when the table does not exist or may not be used, and StateRefusedError for an item or a key that it never takes.
 */
export type StateTable = {
  read(key: StateKey, call?: StateCall): Promise<StateItem | undefined>;
  /** @returns one entry per key, in the order given; undefined where there is no live item */
  readMany(keys: readonly StateKey[], call?: StateCall): Promise<readonly (StateItem | undefined)[]>;
  /** Puts and deletes without conditions, 25 in a call and the calls in parallel. Some may be done when it throws. */
  writeMany(writes: readonly StateWrite[], call?: StateCall): Promise<void>;
  /** Replaces the item. @returns false when the condition does not hold: then nothing was written */
  put(item: StateItem, condition?: Condition, call?: StateCall): Promise<boolean>;
  /** Changes attributes, and creates the item if needed. @returns the new item; undefined when the condition does not hold */
  update(
    key: StateKey,
    change: Update,
    condition?: Condition,
    call?: StateCall,
  ): Promise<StateItem | undefined>;
  delete(key: StateKey, call?: StateCall): Promise<void>;
  /** The live items of a partition, ordered by `sk`. */
  query(pk: string, range?: StateRange, call?: StateCall): Promise<readonly StateItem[]>;
};

/** Limits of BatchGetItem and BatchWriteItem. */
const maxReads = 100;
const maxWrites = 25;

/** How often unprocessed keys and items are sent again before the table counts as unavailable. */
const maxRounds = 8;
const backOff = { baseMs: 50, capMs: 2_000 };

/** @param tableName `STATE_TABLE` of the environment. The SDK is loaded by the first call. */
export function createStateTable(tableName: string, clock: Clock, random: () => number): StateTable {
  const run = createStateCalls();

  const fetchOne = (key: StateKey, call: StateCall) =>
    run(call, async ({ sdk, client }, options) => {
      const { Item } = await client.send(
        new sdk.GetItemCommand({
          TableName: tableName,
          Key: sdk.marshall(keyOf(key)),
          ConsistentRead: true,
        }),
        options,
      );
      return Item && sdk.unmarshall(Item);
    });

  const fetchSome = (keys: readonly StateKey[], call: StateCall) =>
    untilProcessed(keys, call, (left) =>
      run(call, async ({ sdk, client }, options) => {
        const Keys = left.map((key) => sdk.marshall(keyOf(key)));
        const answer = await client.send(
          new sdk.BatchGetItemCommand({ RequestItems: { [tableName]: { Keys, ConsistentRead: true } } }),
          options,
        );
        const unprocessed = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
        return {
          found: (answer.Responses?.[tableName] ?? []).map((item) => toItem(sdk.unmarshall(item))),
          left: unprocessed.map((key) => toItem(sdk.unmarshall(key))),
        };
      }),
    );

  const writeSome = (writes: readonly StateWrite[], call: StateCall) =>
    run(call, async ({ sdk }) => writes.map((write) => toWriteRequest(write, sdk.marshall))).then(
      (requests) =>
        untilProcessed(requests, call, (left) =>
          run(call, async ({ sdk, client }, options) => {
            const command = new sdk.BatchWriteItemCommand({ RequestItems: { [tableName]: [...left] } });
            const { UnprocessedItems } = await client.send(command, options);
            return { found: [], left: UnprocessedItems?.[tableName] ?? [] };
          }),
        ),
    );

  /** Sends again what was not processed, with a growing delay. */
  async function untilProcessed<Sent, Found>(
    all: readonly Sent[],
    call: StateCall,
    send: (
      left: readonly Sent[],
    ) => Promise<{ readonly found: readonly Found[]; readonly left: readonly Sent[] }>,
  ): Promise<readonly Found[]> {
    const found: Found[] = [];
    let left = all;
    for (let round = 1; left.length > 0; round += 1) {
      const answer = await send(left);
      found.push(...answer.found);
      left = answer.left;
      if (left.length === 0) break;
      const waitMs = fullJitterMs(round, backOff, random);
      if (round === maxRounds || call.deadline?.passed(waitMs + 1))
        throw new StateUnavailableError('DynamoDB throttled the state table for too long');
      await clock.sleep(waitMs, call.signal);
    }
    return found;
  }

  const nowSeconds = () => Math.floor(clock.now() / 1000);
  const isLive = (item: StateItem | undefined): item is StateItem =>
    item !== undefined && (item.expiresAt === undefined || item.expiresAt > nowSeconds());

  /**
   * Writes an item under a condition. Each such write marks its item: the SDK sends again what was not answered, and then the
   * condition may fail by the effect of the first copy.
   * @returns the new item; without one the condition does not hold, for what was found
   */
  async function decide(
    condition: Expression | undefined,
    call: StateCall,
    send: (loaded: Loaded, options: SendOptions, guard: Guard) => Promise<Attributes>,
  ): Promise<{ readonly written?: StateItem; readonly found?: Attributes | undefined }> {
    const mark = { [writeId]: randomUUID() };
    const guard = condition ? { ...condition, mark } : unguarded;
    try {
      return { written: toItem(await run(call, (loaded, options) => send(loaded, options, guard))) };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      const { item: found } = error;
      return found?.[writeId] === mark[writeId] && found ? { written: toItem(found) } : { found };
    }
  }

  const change = (key: StateKey, { set, ...rest }: Update, condition: Expression, call: StateCall) =>
    decide(condition, call, async ({ sdk, client }, options, guard) => {
      const update = toUpdate({ ...rest, set: { ...set, ...guard.mark } });
      const names = { ...update.names, ...guard.names };
      const values = { ...update.values, ...guard.values };
      const command = new sdk.UpdateItemCommand({
        TableName: tableName,
        Key: sdk.marshall(keyOf(key)),
        UpdateExpression: update.text,
        ReturnValues: 'ALL_NEW',
        ...parametersOf({ ...guard, names, values }, sdk.marshall),
      });
      const { Attributes } = await client.send(command, options);
      return Attributes ? sdk.unmarshall(Attributes) : keyOf(key);
    });

  return {
    async read(key, call = {}) {
      const found = await fetchOne(key, call);
      const item = found && toItem(found);
      return isLive(item) ? item : undefined;
    },

    async readMany(keys, call = {}) {
      const distinct = [...new Map(keys.map((key) => [nameOf(key), keyOf(key)])).values()];
      const parts = await Promise.all(inParts(distinct, maxReads).map((part) => fetchSome(part, call)));
      const found = new Map(
        parts
          .flat()
          .filter(isLive)
          .map((item) => [nameOf(item), item]),
      );
      return keys.map((key) => found.get(nameOf(key)));
    },

    async writeMany(writes, call = {}) {
      // DynamoDB refuses a batch that names one key twice; the last write is the one that counts.
      const distinct = new Map(
        writes.map((write) => [nameOf('put' in write ? write.put : write.delete), write]),
      );
      const parts = inParts([...distinct.values()], maxWrites).map((part) => writeSome(part, call));
      // No part may still be in flight when this ends.
      for (const part of await Promise.allSettled(parts)) if (part.status === 'rejected') throw part.reason;
    },

    async put(item, condition, call = {}) {
      const guarded = condition && toCondition(condition, nowSeconds());
      const { written } = await decide(guarded, call, async ({ sdk, client }, options, guard) => {
        const stored = { ...item, ...guard.mark };
        const command = new sdk.PutItemCommand({
          TableName: tableName,
          Item: sdk.marshall(stored),
          ...parametersOf(guard, sdk.marshall),
        });
        await client.send(command, options);
        return stored;
      });
      return written !== undefined;
    },

    async update(key, asked, condition, call = {}) {
      for (let tries = 0; tries < mostTries; tries += 1) {
        const { written, found } = await change(key, asked, toUnexpired(condition, nowSeconds()), call);
        const isOver = found !== undefined && !isLive(toItem(found));
        if (written || !isOver || (condition && !isMetByNothing(condition))) return written;
        const isUnchanged = {
          attribute: 'expiresAt',
          operator: '=',
          value: Number(found['expiresAt']),
        } as const;
        const begun = await change(key, afresh(asked, found), toUnexpired(isUnchanged, 0), call);
        if (begun.written) return begun.written;
      }
      throw new StateUnavailableError('another process kept changing an expired item of the state table');
    },

    async delete(key, call = {}) {
      await run(call, ({ sdk, client }, options) => {
        const command = new sdk.DeleteItemCommand({ TableName: tableName, Key: sdk.marshall(keyOf(key)) });
        return client.send(command, options);
      });
    },

    async query(pk, range = {}, call = {}) {
      const { text, names, values: bound } = toRange(pk, range);
      const items: StateItem[] = [];
      let start: Record<string, Attributes[string]> | undefined;
      do {
        const from = start;
        const page = await run(call, async ({ sdk, client }, options) => {
          const command = new sdk.QueryCommand({
            TableName: tableName,
            KeyConditionExpression: text,
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: sdk.marshall(bound),
            ConsistentRead: true,
            ScanIndexForward: !range.descending,
            ...(range.limit !== undefined && { Limit: range.limit }),
            ...(from && { ExclusiveStartKey: sdk.marshall(from) }),
          });
          const { Items = [], LastEvaluatedKey } = await client.send(command, options);
          return {
            items: Items.map((item) => toItem(sdk.unmarshall(item))),
            next: LastEvaluatedKey && sdk.unmarshall(LastEvaluatedKey),
          };
        });
        items.push(...page.items.filter(isLive));
        start = page.next;
      } while (start !== undefined && items.length < (range.limit ?? Number.POSITIVE_INFINITY));
      return items.slice(0, range.limit);
    },
  };
}

/** How often a change of an expired item is begun that others change at the same time. */
const mostTries = 3;

/** A change of an item that has expired: nothing of what it held counts. */
function afresh({ set, add }: Update, found: Attributes): Update {
  const kept = { ...set, ...add };
  const isOld = (name: string) =>
    name !== 'pk' && name !== 'sk' && name !== writeId && !Object.hasOwn(kept, name);
  return { set: kept, remove: Object.keys(found).filter(isOld) };
}

/** Which write under a condition was the last one that changed the item. Callers do not see it. */
const writeId = 'writeId';

/** A condition, and what its write marks the item with. */
type Guard = Expression & { readonly mark: Readonly<Record<string, string>> };

const unguarded: Guard = { text: '', names: {}, values: {}, mark: {} };

function parametersOf({ text, names, values }: Expression, marshall: Loaded['sdk']['marshall']) {
  return {
    ...(text && { ConditionExpression: text, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const }),
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: marshall(values) }),
  };
}

function keyOf({ pk, sk }: StateKey): StateKey {
  return { pk, sk };
}

function nameOf({ pk, sk }: StateKey): string {
  return JSON.stringify([pk, sk]);
}

/** An item as DynamoDB returned it. */
function toItem({ pk, sk, [writeId]: _mark, ...attributes }: Attributes): StateItem {
  return { ...attributes, pk: String(pk), sk: String(sk) };
}

function toWriteRequest(write: StateWrite, marshall: Loaded['sdk']['marshall']): WriteRequest {
  return 'put' in write
    ? { PutRequest: { Item: marshall(write.put) } }
    : { DeleteRequest: { Key: marshall(keyOf(write.delete)) } };
}
