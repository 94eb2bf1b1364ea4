import { setTimeout as delay } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { correlationIdOf } from '../../../lib/operations/identity.ts';
import type { Dice } from '../harness/dice.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Damage } from '../harness/storm-report.ts';
import { stormTables } from '../records/storm-schema.ts';

/** One HTTP call, as a caller repeats it until it has an answer. */
export type MixedCall = {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  /** Behind the table. */
  readonly path: string;
  readonly table: string;
  readonly key: string;
  readonly body: string;
};

/** What work that comes both ways is done with. */
export type MixedTools = {
  readonly stack: FaultStack;
  readonly dice: Dice;
  readonly longestWaitMs: number;
  /** Repeats a call until it succeeds. @returns the last answer, as status and code, where that was a refusal */
  insist(call: MixedCall): Promise<string | undefined>;
};

type Scene = {
  readonly marker: string;
  readonly table: string;
  send(message: object): Promise<void>;
  call(method: MixedCall['method'], sysId: string | undefined, body: object, key: string): Promise<void>;
  refused(method: MixedCall['method'], sysId: string | undefined, body: object, key: string): Promise<void>;
  /** Waits until the instance holds a record of the scene, or none. */
  shown(count: 0 | 1): Promise<string>;
};

type MixedKind = {
  readonly table?: string;
  /** Records that are there in the end. */
  readonly records: 0 | 1;
  /** Notes that the record has in the end. */
  readonly notes?: number;
  play(scene: Scene, dice: Dice): Promise<void>;
};

/** Of the template's defaults. */
const deployment = 'servicenow-functions/dev';

const kinds: Readonly<Record<string, MixedKind>> = {
  'create over HTTP and by messages under one key': {
    records: 1,
    async play({ marker, send, call }) {
      const record = { u_story: marker };
      const message = { record, key: marker };
      await Promise.all([send(message), call('POST', undefined, record, marker), send(message)]);
      await call('POST', undefined, record, marker);
    },
  },
  'update over HTTP and by messages under one key': {
    records: 1,
    notes: 1,
    async play({ marker, send, call, shown }) {
      await call('POST', undefined, { u_story: marker }, marker);
      const sysId = await shown(1);
      const record = { work_notes: `${marker}| said once`, u_shared: marker };
      const message = { action: 'update', sysId, record, key: `${marker}-note` };
      await Promise.all([send(message), call('PATCH', sysId, record, `${marker}-note`)]);
      await send(message);
    },
  },
  'messages about a record, a call deletes it, all again': {
    records: 0,
    async play({ marker, send, call, shown }) {
      const create = { record: { u_story: marker }, key: marker };
      await send(create);
      const sysId = await shown(1);
      const update = { action: 'update', sysId, record: { u_shared: marker }, key: `${marker}-update` };
      await Promise.all([send(update), call('PATCH', sysId, { work_notes: marker }, `${marker}-patch`)]);
      await call('DELETE', sysId, {}, `${marker}-delete`);
      await Promise.all([send(create), send(update), call('POST', undefined, create.record, marker)]);
      await call('DELETE', sysId, {}, `${marker}-delete`);
    },
  },
  'calls about a record, a message deletes it, all again': {
    records: 0,
    async play({ marker, send, call, shown }) {
      const record = { u_story: marker };
      await call('POST', undefined, record, marker);
      const sysId = await shown(1);
      await call('PATCH', sysId, { work_notes: marker }, `${marker}-patch`);
      const removal = { action: 'delete', sysId, key: `${marker}-delete` };
      await send(removal);
      await shown(0);
      await Promise.all([call('POST', undefined, record, marker), send(removal)]);
      await call('DELETE', sysId, {}, `${marker}-delete`);
    },
  },
  'a key that another operation has used': {
    records: 1,
    notes: 1,
    async play({ marker, call, refused, shown }) {
      await call('POST', undefined, { u_story: marker }, marker);
      const sysId = await shown(1);
      await call('PATCH', sysId, { work_notes: `${marker}| said once` }, `${marker}-note`);
      await refused('POST', undefined, { u_story: marker }, `${marker}-note`);
      await refused('DELETE', sysId, {}, `${marker}-note`);
    },
  },
  'create over HTTP and upserts that match by its correlation_id': {
    table: stormTables.correlated,
    records: 1,
    async play({ marker, table, send, call }) {
      const match = { correlation_id: correlationIdOf(deployment, table, marker) };
      const record = { u_story: marker };
      const upsert = { action: 'upsert', match, record, key: `${marker}-upsert` };
      await Promise.all([send(upsert), call('POST', undefined, record, marker)]);
      await send({ ...upsert, key: `${marker}-upsert-2` });
    },
  },
};

export const mixedKinds: readonly string[] = Object.keys(kinds);

/** One piece of work that comes over HTTP and by messages. */
export type MixedWork = { readonly kind: string; readonly marker: string };

/** Does it. What the messages come to is there once the queue is empty. */
export async function playMixed({ kind, marker }: MixedWork, tools: MixedTools): Promise<readonly Damage[]> {
  const played = kindOf(kind);
  const { stack, dice, longestWaitMs, insist } = tools;
  const { table = stormTables.plain } = played;
  const damages: Damage[] = [];
  const blame = (text: string) =>
    void damages.push({ kind: 'no answer', text: `${kind} ${marker}: ${text}` });
  const callOf = (method: MixedCall['method'], sysId: string | undefined, body: object, key: string) =>
    insist({ method, table, path: sysId === undefined ? '' : `/${sysId}`, key, body: JSON.stringify(body) });
  await played.play(
    {
      marker,
      table,
      async send(message) {
        const QueueUrl = stack.variable('writeRecords', 'RECORDS_QUEUE_URL');
        const MessageBody = JSON.stringify({ table, ...message });
        await stack.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
      },
      async call(method, sysId, body, key) {
        const last = await callOf(method, sysId, body, key);
        if (last !== undefined) blame(`${method}: ${last}`);
      },
      async refused(method, sysId, body, key) {
        const last = await callOf(method, sysId, body, key);
        if (!last?.startsWith('422')) blame(`${method}: ${last ?? 'was carried out'} where 422 was due`);
      },
      async shown(count) {
        const until = Date.now() + longestWaitMs;
        for (;;) {
          const rows = rowsOf(stack, table, marker);
          if (rows.length === count) return rows[0]?.['sys_id'] ?? '';
          if (Date.now() > until) throw new Error(`${kind} ${marker}: ${rows.length} records, not ${count}`);
          await delay(50);
        }
      },
    },
    dice,
  );
  return damages;
}

/** Compares what the instance holds with what the work is to leave. */
export function judgeMixed({ kind, marker }: MixedWork, stack: FaultStack): readonly Damage[] {
  const { table = stormTables.plain, records, notes } = kindOf(kind);
  const rows = rowsOf(stack, table, marker);
  const damage = (what: string, count: number, due: number): readonly Damage[] =>
    count === due
      ? []
      : [
          {
            kind: count < due ? 'lost' : 'doubled',
            text: `${kind} ${marker}: ${count} ${what}, not ${due}`,
          },
        ];
  if (notes === undefined || rows.length !== records) return damage('records', rows.length, records);
  const entries = stack.instances.first.instance.state.store.select('sys_journal_field', {
    where: 't0.element_id = ?',
    params: [rows[0]?.['sys_id'] ?? ''],
  });
  return damage('notes', entries.length, notes);
}

function kindOf(kind: string): MixedKind {
  const found = kinds[kind];
  if (!found) throw new Error(`no such kind: ${kind}`);
  return found;
}

function rowsOf({ instances }: FaultStack, table: string, marker: string) {
  return instances.first.instance.state.store.select(table, {
    where: 't0.u_story = ?',
    params: [marker],
  });
}
