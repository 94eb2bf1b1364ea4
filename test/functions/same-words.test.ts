import { expect, it } from 'vitest';
import { deriveSysId } from '../../lib/operations/identity.ts';
import { patchRecordById, postRecord } from '../../lib/operations/table.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import type { TestMessage } from '../lib/record-queue/emulated-queue.ts';
import { startBothWays } from './both-ways.ts';

const aPerson = { userName: 'a.person', sysId: '0'.repeat(32) };
const record = 'e'.repeat(32);

/** Loses the next PATCH of the queue once it is armed, before or after the instance has carried it out. */
function losingPatch(isCarriedOut: boolean) {
  let isArmed = false;
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (!isArmed || request.method !== 'PATCH') return client.send(request, context);
      isArmed = false;
      if (isCarriedOut) await client.send(request, context);
      const { method, path } = request;
      throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
    },
  });
  const arm = () => {
    isArmed = true;
  };
  return { through, arm };
}

/** A note by message, whose first answer is lost. */
async function startNote(isCarriedOut = false) {
  const { through, arm } = losingPatch(isCarriedOut);
  const both = await startBothWays({ through });
  const entries = (sysId: string) =>
    both.store.select('sys_journal_field').filter(({ element_id }) => element_id === sysId);
  const note = async (sysId: string, text: string, table = 'incident', column = 'work_notes') => {
    const body = { action: 'update', table, sysId, record: { [column]: text } };
    const asked: TestMessage = { id: 'm9', key: 'b', body };
    arm();
    const left = await both.queue.deliver([asked]);
    both.later(180_000);
    if (left.length > 0) expect(await both.queue.deliver([{ ...asked, receiveCount: 2 }])).toEqual([]);
  };
  return { ...both, entries, note };
}

it.each([undefined, 'k'])(
  'a note is written next to that of a create over HTTP with the same words (key %s)',
  async (key) => {
    const { post, incidents, later, entries, note } = await startNote();
    await post({ work_notes: 'still down' }, key);
    const sysId = String(incidents()[0]?.['sys_id']);
    later(10_000);
    await note(sysId, 'still down');
    expect(entries(sysId)).toHaveLength(2);
  },
);

it.each([undefined, 'k'])(
  'a note is written next to that of a PATCH with the same words (key %s)',
  async (key) => {
    const { store, patch, later, entries, note } = await startNote();
    store.seed('incident', { sys_id: record });
    await patch(record, { work_notes: 'still down' }, key);
    later(10_000);
    await note(record, 'still down');
    expect(entries(record)).toHaveLength(2);
  },
);

it('a note is written next to that of a create in a journal of the customer', async () => {
  const { queue, store, later, entries, note } = await startNote();
  const made = { table: 'u_field_visit', record: { u_visit_log: 'arrived' } };
  await queue.deliver([{ id: 'm1', key: 'c', body: made }]);
  const sysId = String(store.select('u_field_visit')[0]?.['sys_id']);
  later(10_000);
  await note(sysId, 'arrived', 'u_field_visit', 'u_visit_log');
  expect(entries(sysId)).toHaveLength(2);
});

it.each([postRecord, patchRecordById])(
  'a note is written next to that of $name in a journal of the customer',
  async (operation) => {
    const { http, store, later, entries, note } = await startNote();
    const isUpdate = operation.name === 'patchRecordById';
    if (isUpdate) store.seed('u_field_visit', { sys_id: record });
    await http(operation, {
      method: isUpdate ? 'PATCH' : 'POST',
      url: `/api/now/table/u_field_visit${isUpdate ? `/${record}` : ''}`,
      headers: {},
      body: JSON.stringify({ u_visit_log: 'arrived' }),
    });
    const sysId = String(store.select('u_field_visit')[0]?.['sys_id']);
    later(10_000);
    await note(sysId, 'arrived', 'u_field_visit', 'u_visit_log');
    expect(entries(sysId)).toHaveLength(2);
  },
);

it.each([
  [false, ['a.person', 'ours']],
  [true, ['a.person', 'ours']],
])(
  'a note is written next to the same words of a person (carried out at first: %s)',
  async (isCarriedOut, by) => {
    const { store, later, entries, note } = await startNote(isCarriedOut);
    store.seed('incident', { sys_id: record });
    store.update('incident', record, { work_notes: 'ok' }, aPerson);
    later(60_000);
    await note(record, 'ok');
    const writers = entries(record).map(({ sys_created_by }) =>
      sys_created_by === 'a.person' ? 'a.person' : 'ours',
    );
    expect(writers.toSorted()).toEqual(by);
  },
);

it.each([0, 1])(
  'a copy of a create changes nothing of when its note was written (%i)',
  async (isRedelivery) => {
    const { queue, later, entries, note } = await startNote(true);
    const sysId = deriveSysId('servicenow-functions/dev', 'incident', 'k');
    const made: TestMessage = {
      id: 'm1',
      key: 'k',
      body: { table: 'incident', record: { work_notes: 'still down' } },
    };
    await queue.deliver([made]);
    later(300_000);
    await queue.deliver([
      isRedelivery ? { ...made, receiveCount: 2, firstReceivedMsAgo: 300_000 } : { ...made, id: 'm1b' },
    ]);
    later(10_000);
    await note(sysId, 'still down');
    expect(entries(sysId)).toHaveLength(2);
  },
);
