import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../../emulator/instance/index.ts';
import { create, list } from '../../records.ts';

let instance: Instance;

/** The short descriptions that an encoded query finds, in order. */
async function find(query: string, table = 'incident'): Promise<unknown[]> {
  const asked = new URLSearchParams({ sysparm_query: query, sysparm_fields: 'short_description' });
  const records = await list(instance, `/api/now/table/${table}?${asked}`);
  return records.map((record) => record['short_description']);
}

beforeAll(async () => {
  instance = await startInstance({ demoData: false, clock: { now: () => Date.UTC(2026, 2, 18, 12) } });
  await create(instance, 'incident', {
    short_description: 'a',
    comments: 'Called Ann',
    work_notes: 'swap disk',
  });
  await create(instance, 'incident', { short_description: 'b', work_notes: 'ask Ann' });
  await create(instance, 'incident', { short_description: 'c^d', state: '2', impact: '1' });
  await create(instance, 'problem', { short_description: 'p' });
});
afterAll(() => instance.close());

describe('sysparm_query', () => {
  it('looks into the entries of journal columns, of each or of all', async () => {
    expect(await find('commentsLIKEann')).toEqual(['a']);
    expect(await find('comments_and_work_notesLIKEann^ORDERBYshort_description')).toEqual(['a', 'b']);
    expect(await find('work_notesISEMPTY')).toEqual(['c^d']);
    expect(await find('commentsNOT LIKEann^work_notesISNOTEMPTY')).toEqual([]);
  });

  it('takes stored values of choices, not their labels', async () => {
    expect(await find('state=2')).toEqual(['c^d']);
    expect(await find('state=In Progress')).toEqual([]);
  });

  it('finds a caret that is doubled', async () => {
    expect(await find('short_description=c^^d')).toEqual(['c^d']);
  });

  it('asks a parent table for its classes, exactly or with those below', async () => {
    expect(await find('sys_class_name=problem', 'task')).toEqual(['p']);
    expect(await find('sys_class_name=task', 'task')).toEqual([]);
    expect(await find('sys_class_nameINSTANCEOFtask^ORDERBYDESCshort_description', 'task')).toEqual([
      'p',
      'c^d',
      'b',
      'a',
    ]);
  });

  it('knows who asks, and which rows are new today', async () => {
    expect(await find('opened_by=javascript:gs.getUserID()^impact=1')).toEqual(['c^d']);
    const today = 'sys_created_onONToday@javascript:gs.daysAgoStart(0)@javascript:gs.daysAgoEnd(0)';
    expect(await find(`${today}^impact=1`)).toEqual(['c^d']);
    expect(await find('sys_created_on<javascript:gs.daysAgoStart(0)')).toEqual([]);
  });

  it('pages by key, without overlap or gap', async () => {
    const ids: unknown[] = [];
    for (let cursor: unknown = ''; cursor !== undefined; ) {
      const query = `sysparm_query=sys_id>${cursor}^ORDERBYsys_id&sysparm_limit=1&sysparm_fields=sys_id`;
      const [record] = await list(instance, `/api/now/table/task?${query}`);
      cursor = record?.['sys_id'];
      if (cursor !== undefined) ids.push(cursor);
    }
    expect(new Set(ids).size).toBe(4);
  });
});
