import { afterEach } from 'vitest';
import { StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { AnswerLostError, UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import { type EmulatedQueue, type QueueOptions, startQueue, type TestMessage } from './emulated-queue.ts';

/** Of readConfig without service and stage. */
export const deployment = 'servicenow-functions/dev';

/** The queue of the running test. */
export let queue: EmulatedQueue;
afterEach(() => queue.close());

/** Starts the queue of a test, before an instance without incidents. */
export async function start(options: QueueOptions = {}) {
  queue = await startQueue(options);
  const { store } = queue.instance.state;
  for (const { sys_id } of store.select('incident')) store.remove('incident', String(sys_id));
  queue.requests();
}

export const incidents = () => queue.instance.state.store.select('incident');
export const journal = (sysId: string) =>
  queue.instance.state.store.select('sys_journal_field').filter(({ element_id }) => element_id === sysId);
export const create = (id: string, record: object = { short_description: id }): TestMessage => ({
  id,
  body: { table: 'incident', record },
});
export const times = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A client whose answers are spoilt after the instance has done its work. */
export function losing(answerOf: (request: ServiceNowRequest) => boolean, times = 1) {
  let left = times;
  return (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      const response = await client.send(request, context);
      if (left === 0 || !answerOf(request)) return response;
      left -= 1;
      const failure = { method: request.method, path: request.path };
      if (request.method === 'GET') throw new AnswerLostError('lost', failure);
      throw new UnknownOutcomeError('lost', { ...failure, effect: 'unknown' });
    },
  });
}

/** Holds back the first call of a kind until it is let go. */
export function holding(isHeld: (request: ServiceNowRequest) => boolean) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let isFirst = true;
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (isFirst && isHeld(request)) {
        isFirst = false;
        reached.resolve();
        await released.promise;
      }
      return client.send(request, context);
    },
  });
  return { through, reached: reached.promise, release: () => released.resolve() };
}

/** A client one of whose calls is sent twice, as after a lost answer: the first copy takes effect when the test says so. */
export function runningLate(isLate: (request: ServiceNowRequest) => boolean) {
  let finish: (() => Promise<void>) | undefined;
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (finish || !isLate(request)) return client.send(request, context);
      finish = async () => void (await client.send(request).catch(() => undefined));
      return { ...(await client.send(request, context)), attempts: 2, isRepeat: true };
    },
  });
  return { through, finish: async () => finish?.() };
}

/** Holds back the first change of an item of the state table that sets this attribute, until it is let go. */
export function holdingChange(attribute: string) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let isFirst = true;
  const throughTable = (table: StateTable): StateTable => ({
    ...table,
    async update(key, change, condition, call) {
      if (isFirst && Object.hasOwn(change.set ?? {}, attribute)) {
        isFirst = false;
        reached.resolve();
        await released.promise;
      }
      return table.update(key, change, condition, call);
    },
  });
  return { throughTable, reached: reached.promise, release: () => released.resolve() };
}

/** A state table that takes no write before so many batches have read: each then knows nothing of the others. */
export function afterReads(count: number) {
  let left = count;
  const allRead = Promise.withResolvers<void>();
  return (table: StateTable): StateTable => ({
    ...table,
    async readMany(keys, call) {
      const items = await table.readMany(keys, call);
      left -= 1;
      if (left === 0) allRead.resolve();
      return items;
    },
    async writeMany(writes, call) {
      await allRead.promise;
      return table.writeMany(writes, call);
    },
    async put(item, condition, call) {
      await allRead.promise;
      return table.put(item, condition, call);
    },
  });
}

/** A state table that is away for those writes, as long as the test says. */
export function losingWrites(isLost: (text: string) => boolean) {
  const switched = { on: true };
  const throughTable = (table: StateTable): StateTable => ({
    ...table,
    async writeMany(writes, call) {
      if (switched.on && isLost(JSON.stringify(writes))) throw new StateUnavailableError('away');
      return table.writeMany(writes, call);
    },
  });
  return { switched, throughTable };
}
