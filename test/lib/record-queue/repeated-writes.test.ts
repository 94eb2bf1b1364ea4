import { describe, expect, it } from 'vitest';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { ThrottledError } from '../../../lib/servicenow/errors.ts';
import { incidents, journal, queue, start, times } from './writing.ts';

/** Refuses the first write, as an instance under load does. */
function refusingOnce(client: ServiceNowClient): ServiceNowClient {
  let isFirst = true;
  return {
    ...client,
    async send(request, context) {
      if (!isFirst || request.method === 'GET') return client.send(request, context);
      isFirst = false;
      throw new ThrottledError('slow down', { ...request, effect: 'none', retryAfterMs: 1_000 });
    },
  };
}

/**
 * The answer to one write of the state table is lost, and the SDK sends it again; others are at work before it does. A write under a
 * condition is judged once: what its first copy has written counts.
 */
function repeating(at: number, meanwhile: () => Promise<unknown>) {
  let writes = 0;
  const twice = async <T>(write: () => Promise<T>): Promise<T> => {
    writes += 1;
    if (writes !== at) return write();
    const result = await write();
    await meanwhile();
    const again = await write();
    return result ?? again;
  };
  return (table: StateTable): StateTable => ({
    ...table,
    writeMany: (...given) => twice(() => table.writeMany(...given)),
    delete: (...given) => twice(() => table.delete(...given)),
    put: (...given) => twice(() => table.put(...given)),
    update: (...given) => twice(() => table.update(...given)),
  });
}

const sysId = 'a'.repeat(32);
const record = { short_description: 'Disk full', comments: 'said once' };

describe('a write of the state table that is sent again, after others were at work', () => {
  describe.each([
    ['update', {}, { action: 'update', sysId, record }],
    ['create in a table of correlationIdTables', { CORRELATION_ID_TABLES: 'incident' }, { record }],
    ['upsert', {}, { action: 'upsert', match: { correlation_id: 'x' }, record }],
    [
      'upsert in a table of correlationIdTables',
      { CORRELATION_ID_TABLES: 'incident' },
      { action: 'upsert', match: { correlation_id: 'x' }, record },
    ],
  ])('%s', (_name, environment, asked) => {
    it.each(times(8).map((index) => index + 1))('is carried out once (write %i)', async (at) => {
      const [message, copy] = ['m1', 'm2'].map((id) => ({
        id,
        key: 'k',
        body: { table: 'incident', ...asked },
      }));
      if (!message || !copy) throw new Error('two copies');
      const throughTable = repeating(at, () => queue.deliver([copy]));
      await start({ environment, through: refusingOnce, throughTable });
      if ('sysId' in asked) queue.instance.state.store.seed('incident', { sys_id: sysId });
      await queue.deliver([message]);
      for (const receiveCount of [2, 3]) {
        queue.later(130_000);
        for (const one of [message, copy]) await queue.deliver([{ ...one, receiveCount }]);
      }
      queue.later(130_000);
      for (const one of [message, copy])
        expect(await queue.deliver([{ ...one, receiveCount: 4 }])).toEqual([]);
      expect(incidents()).toHaveLength(1);
      const made = String(incidents()[0]?.['sys_id']);
      expect(journal(made).map(({ value }) => value)).toEqual(['said once']);
      expect(queue.deadLetters).toEqual([]);
    });
  });
});
