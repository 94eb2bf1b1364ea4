import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type InstanceOptions, startInstance } from '../../../emulator/instance/index.ts';
import { create } from './records.ts';

const schema: NonNullable<InstanceOptions['schema']> = {
  tables: [
    {
      name: 'sys_user_role',
      columns: [{ name: 'u_since', kind: 'date_time', defaultValue: 'javascript:gs.nowDateTime()' }],
    },
    {
      name: 'u_parcel',
      columns: [{ name: 'u_state', kind: 'choice', choices: [{ value: 'a', label: 'A' }] }],
    },
  ],
};

async function start(options: InstanceOptions, date: string) {
  const clock = { now: () => Date.parse(date) };
  const instance = await startInstance({ schema, clock, ...options });
  onTestFinished(() => instance.close());
  return instance;
}

it.each([
  { demoData: true },
  { demoData: false },
  { demoData: false, switches: { caseSensitiveText: true } },
])(
  'an instance begins as any other of its kind, whatever happened to those before it, with %j',
  async (options) => {
    const before = await start(options, '2026-02-01T10:00:00Z');
    const made = await create(before, 'u_parcel', { u_state: 'a' });
    before.state.store.update(
      'sys_user_role',
      before.state.store.select('sys_user_role')[0]?.['sys_id'] ?? '',
      { name: 'x' },
      { userName: 'a', sysId: '' },
    );
    const next = await start(options, '2026-03-05T12:30:45Z');
    const databaseFile = join(mkdtempSync(join(tmpdir(), 'fresh-')), 'rows.db');
    const alone = await start({ ...options, databaseFile }, '2026-03-05T12:30:45Z');
    const rows = next.control.snapshotAll();
    expect(rows).toEqual(alone.control.snapshotAll());
    expect(Object.keys(rows)).not.toContain('u_parcel');
    expect(rows['sys_user_role']?.[0]).toMatchObject({
      sys_created_on: '2026-03-05 12:30:45',
      sys_updated_on: '2026-03-05 12:30:45',
      u_since: '2026-03-05 12:30:45',
    });
    const [first, second] = [await create(next, 'u_parcel', {}), await create(alone, 'u_parcel', {})];
    expect(first).toEqual(second);
    expect(first.sys_id).toBe(made.sys_id);
  },
);

it('a reset brings back what the instance began with, though it began as a copy', async () => {
  await start({}, '2026-02-01T10:00:00Z');
  const instance = await start({}, '2026-03-05T12:30:45Z');
  const began = instance.control.snapshotAll();
  await create(instance, 'incident', { short_description: 'x' });
  instance.control.reset();
  expect(instance.control.snapshotAll()).toEqual(began);
});
