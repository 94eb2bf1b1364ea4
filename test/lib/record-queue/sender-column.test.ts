import { describe, expect, it } from 'vitest';
import { deriveSysId } from '../../../lib/operations/identity.ts';
import type { TestMessage } from './emulated-queue.ts';
import { create, deployment, incidents, losing, queue, start } from './writing.ts';

const ada = 'AROAADA00000:session-1';
const mover = 'AROAMOVER000:redriveRecords';
const environment = { CALLER_COLUMN: 'description', TRUSTED_SENDERS: 'AIDASOMEONE0, AROAMOVER000' };
const saying = (stringValue: string) => ({ OriginalSender: { dataType: 'String', stringValue } });
const senders = () => incidents().map((row) => row['description']);

/** A record that the messages of a test change. */
async function withRecord(through?: ReturnType<typeof losing>) {
  await start({ environment, ...(through && { through }) });
  await queue.deliver([{ ...create('m0'), key: 'k', sender: 'AROAFIRST000:s' }]);
  return deriveSysId(deployment, 'incident', 'k');
}

describe('the column of the sender', () => {
  it('gets the role of who sent a create, without the session and over what the record gives', async () => {
    await start({ environment });
    const record = { short_description: 'a', description: 'another role' };
    expect(await queue.deliver([{ ...create('m1', record), sender: ada }])).toEqual([]);
    expect(senders()).toEqual(['AROAADA00000']);
  });

  it('gets who sent an update, and an upsert that creates or updates', async () => {
    const sysId = await withRecord();
    const update = { action: 'update', table: 'incident', sysId, record: { urgency: '1' } };
    await queue.deliver([{ id: 'm1', body: update, sender: ada }]);
    expect(senders()).toEqual(['AROAADA00000']);
    const upsert = (number: string) => ({
      ...{ action: 'upsert', table: 'incident' },
      ...{ match: { correlation_display: number }, record: { urgency: '2' } },
    });
    await queue.deliver([{ id: 'm2', body: upsert('one'), sender: 'AIDABEN00000' }]);
    await queue.deliver([{ id: 'm3', body: upsert('one'), sender: 'AIDACLEO0000' }]);
    expect(senders().toSorted()).toEqual(['AIDACLEO0000', 'AROAADA00000']);
  });

  it('gets who sent a signal that changes the record', async () => {
    await start({ environment });
    const signal = (id: string, kind: string, sender: string): TestMessage => ({
      ...{ id, sender, group: 'g' },
      body: {
        ...{ action: 'signal', signal: kind, source: 'disk', key: 'web-01', eventId: id },
        ...{ at: new Date(Date.now() - 1_000).toISOString(), fields: { short_description: 'Disk full' } },
        resolve: { state: '6', close_code: 'Solution provided', close_notes: 'Recovered' },
      },
    });
    await queue.deliver([signal('e1', 'open', ada)]);
    expect(senders()).toEqual(['AROAADA00000']);
    await queue.deliver([signal('e2', 'resolve', 'AIDABEN00000')]);
    expect(senders()).toEqual(['AIDABEN00000']);
  });

  it('is no part of the work: under the same key another sender changes nothing', async () => {
    const sysId = await withRecord();
    const update = { action: 'update', table: 'incident', sysId, record: { urgency: '1' } };
    await queue.deliver([{ id: 'm1', key: 'u', body: update, sender: ada }]);
    await queue.deliver([{ id: 'm2', key: 'u', body: update, sender: 'AIDABEN00000' }]);
    expect(senders()).toEqual(['AROAADA00000']);
    expect(queue.deadLetters).toEqual([]);
  });

  it('is no part of what is compared after a lost answer', async () => {
    const sysId = await withRecord(losing(({ method }) => method === 'PATCH'));
    const update = { action: 'update', table: 'incident', sysId, record: { urgency: '1' } };
    expect(await queue.deliver([{ id: 'm1', key: 'u', body: update, sender: ada }])).toEqual([]);
    expect(incidents()).toMatchObject([{ urgency: '1', description: 'AROAADA00000' }]);
  });

  it('gets the first sender where what moved the message is trusted to say so', async () => {
    await start({ environment });
    await queue.deliver([{ ...create('m1'), sender: mover, attributes: saying(ada) }]);
    await queue.deliver([{ ...create('m2'), sender: mover, attributes: saying('sub:ada') }]);
    await queue.deliver([{ ...create('m3'), sender: mover }]);
    expect(senders().toSorted()).toEqual(['AROAADA00000', 'AROAMOVER000', 'sub:ada']);
  });

  it.each([
    ['another role', 'AROAOTHER000:redriveRecords'],
    ['a role whose session bears the trusted id', 'AROAOTHER000:AROAMOVER000'],
    ['a role whose id begins with the trusted one', 'AROAMOVER0001:redriveRecords'],
  ])('does not get whom %s claims to send for', async (_who, sender) => {
    await start({ environment });
    await queue.deliver([{ ...create('m1'), sender, attributes: saying(ada) }]);
    expect(senders()).toEqual([sender.split(':')[0]]);
  });

  it('gets who sent a create into a table that refuses a given sys_id', async () => {
    await start({ environment: { ...environment, CORRELATION_ID_TABLES: 'incident' } });
    await queue.deliver([{ ...create('m1'), sender: ada }]);
    expect(senders()).toEqual(['AROAADA00000']);
  });

  it.each([
    ['the deployment names no column', {}, ada],
    ['SQS names no sender', environment, undefined],
  ])('stays as it was given where %s', async (_why, settings, sender) => {
    await start({ environment: settings });
    await queue.deliver([{ ...create('m1', { description: 'given' }), ...(sender && { sender }) }]);
    expect(senders()).toEqual(['given']);
  });

  it('names the first sender in the log and in the dead letter, also of a message that claims another', async () => {
    await start({ environment });
    const invalid = { table: 'incident' };
    await queue.deliver([{ id: 'm1', body: invalid, sender: mover, attributes: saying(ada) }]);
    await queue.deliver([{ id: 'm2', body: invalid, sender: ada, attributes: saying('AROAOTHER000:s') }]);
    const callers = queue.logged.filter(({ event }) => event === 'message-dead-lettered');
    expect(callers).toMatchObject([{ caller: ada }, { caller: ada }]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['OriginalSender'])).toEqual([ada, ada]);
  });
});
