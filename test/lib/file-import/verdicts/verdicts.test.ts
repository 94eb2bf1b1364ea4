import { describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../../emulator/instance/auth/add-account.ts';
import type { InstanceOptions } from '../../../../emulator/instance/index.ts';
import type { ImportSummary } from '../../../../lib/file-import/report/summary.ts';
import type { ServiceNowClient } from '../../../../lib/servicenow/call.ts';
import { createClient } from '../../../../lib/servicenow/client.ts';
import { loadData } from '../load-table.ts';
import { startWorld, type World } from '../world.ts';

const secondMap = 'b'.repeat(32);

/** Two maps: the second one writes to `u_item` too, under other codes. */
const twoMaps: NonNullable<InstanceOptions['data']> = {
  sys_transform_map: [
    ...(loadData['sys_transform_map'] ?? []).map((map) => ({ ...map, order: '100' })),
    {
      sys_id: secondMap,
      name: 'Second',
      source_table: 'imp_load',
      target_table: 'u_item',
      active: 'true',
      order: '200',
    },
  ],
  sys_transform_entry: [
    ...(loadData['sys_transform_entry'] ?? []),
    { map: secondMap, source_field: 'u_text', target_field: 'u_code', coalesce: 'true' },
  ],
};

async function worldWith(options: Parameters<typeof startWorld>[0]): Promise<World> {
  const world = await startWorld({ demoData: false, ...options });
  onTestFinished(() => world.close());
  return world;
}

const load = (count: number) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `code-${i},text-${i}`)].join('\n');

/** Line -> outcome and message. */
async function listed(world: World, summary: ImportSummary): Promise<string[]> {
  const text = await world.read(summary.results['results'] ?? '');
  return text
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((row) => row.split(',')[1] ?? '');
}

const run = async (world: World, body: string, settings: object = {}) => {
  await world.settings('imp_load', settings);
  return world.run(await world.drop('imports/imp_load/x.csv', body));
};

describe('a row that several transform maps take', () => {
  it.each([
    ['insertMultiple', {}],
    ['insertMultiple with keys', { keyColumn: 'u_key' }],
    ['rows', { mode: 'rows' }],
  ])('is an error when any map failed, not only the last: %s', async (_, settings) => {
    const world = await worldWith({ data: twoMaps });
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-3' ? { error: 'the first map says no' } : {},
    );
    const summary = await run(world, load(6), settings);
    expect(summary.counts).toMatchObject({ inserted: 5, error: 1 });
    expect((await listed(world, summary))[3]).toBe('error');
    expect(summary.messages[0]?.message).toContain('the first map says no');
  });

  it('is ignored only when all maps ignored it', async () => {
    const world = await worldWith({ data: twoMaps });
    world.instance.state.imports.scripts.set('Second', () => ({ ignore: true }));
    expect((await run(world, load(4))).counts).toMatchObject({ inserted: 4, ignored: 0 });
    world.instance.state.imports.scripts.set('Load', () => ({ ignore: true }));
    expect((await run(world, load(4).replaceAll('code-', 'new-'))).counts).toMatchObject({ ignored: 4 });
  });

  it('is ignored by one map and updated by another: row by row', async () => {
    const world = await worldWith({ data: twoMaps });
    world.instance.state.imports.scripts.set('Second', ({ u_code: code }) =>
      code === 'code-1' ? { ignore: true } : {},
    );
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-1' || code === 'code-2' ? { ignore: true } : {},
    );
    expect(await listed(world, await run(world, load(4)))).toEqual([
      'inserted',
      'ignored',
      'inserted',
      'inserted',
    ]);
  });
});

/** Signs in as a user without the role `admin`. */
function limitedClient(world: World): ServiceNowClient {
  addAccount(world.instance.control.auth, {
    userName: 'limited',
    password: 'p',
    roles: ['import_admin', 'itil'],
  });
  const client = createClient({
    readSecret: async () =>
      JSON.stringify({
        instanceUrl: world.instance.url,
        auth: { type: 'basic', username: 'limited', password: 'p' },
      }),
    allowedHosts: ['127.0.0.1'],
  });
  onTestFinished(() => client.close());
  return client;
}

it('waits for the map that comes last, where each goes through a whole import set before the next one', async () => {
  const world = await worldWith({ data: twoMaps });
  world.instance.state.imports.scripts.set('Second', ({ u_code: code }) =>
    code === 'code-3' ? { error: 'the second map says no' } : {},
  );
  let looks = 0;
  /** What the instance holds before the second map begins. */
  const early: ServiceNowClient = {
    async send(call, context) {
      const response = await world.client.send(call, context);
      if (call.method !== 'GET' || looks >= 3) return response;
      const records = (change: (text: string) => unknown) => ({
        ...response,
        body: { result: change(JSON.stringify(response.body)) },
      });
      if (call.path === '/api/now/table/sys_import_set' && String(call.query).includes('state%3Dloaded')) {
        looks++;
        return records(() => world.rows('sys_import_set').map((set) => ({ sys_id: set['sys_id'] })));
      }
      if (call.path === '/api/now/table/sys_import_set_run')
        return records((text) => JSON.parse(text).result.slice(0, 1));
      if (call.path === '/api/now/table/imp_load')
        return records((text) => JSON.parse(text.replaceAll('"error"', '"inserted"')).result);
      return response;
    },
    close: () => world.client.close(),
  };
  await world.settings('imp_load', {});
  const summary = await world.run(
    await world.drop('imports/imp_load/x.csv', load(6)),
    new Map(),
    () => early,
  );
  expect(summary.counts).toMatchObject({ inserted: 5, error: 1 });
  expect(looks).toBe(3);
});

describe('several transform maps of which the user does not see all', () => {
  // What such a rule lets the user see.
  const hiddenMap = { table: 'sys_transform_map', where: { name: 'Second' } };
  const hiddenRuns = { table: 'sys_import_set_run', where: { sys_transform_map: secondMap } };
  const noRuns = { table: 'sys_import_set_run' };
  /** Such a rule refuses to list the table at all. */
  const refused = [
    { table: 'sys_transform_map', operation: 'rest' },
    { table: 'sys_import_set_run', operation: 'rest' },
  ] as const;

  it.each([
    ['the first map', [hiddenMap], { inserted: 5, error: 1 }],
    ['the history of the first map', [hiddenRuns], { inserted: 5, error: 1 }],
    ['the map and its history', [hiddenMap, hiddenRuns], { inserted: 5, error: 1 }],
    ['any history', [noRuns], { inserted: 5, error: 1 }],
    ['any map', [{ table: 'sys_transform_map' }], { inserted: 5, error: 1 }],
    ['any map and any history', [{ table: 'sys_transform_map' }, noRuns], { inserted: 5, error: 1 }],
    ['any map and any history, and refused', refused, { inserted: 5, error: 1 }],
  ])('still count all: %s is hidden', async (_, rules, counts) => {
    const world = await worldWith({ data: twoMaps });
    const { access } = world.instance.control.auth;
    for (const rule of rules)
      access.add({
        operation: 'read' as const,
        ...rule,
        ...('where' in rule ? {} : { roles: [] }),
      });
    const client = limitedClient(world);
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-3' ? { error: 'the first map says no' } : {},
    );
    await world.settings('imp_load', {});
    const request = await world.drop('imports/imp_load/x.csv', load(6));
    const summary = await world.run(request, new Map(), () => client);
    expect(summary.counts).toMatchObject(counts);
  });

  it('leave successes unknown where nothing shows how many there are', async () => {
    const world = await worldWith({ data: twoMaps });
    const { auth, faults } = world.instance.control;
    for (const rule of refused) auth.access.add({ ...rule, roles: [] });
    const match = { method: 'GET', path: '/api/now/import/*', batchItem: true };
    const json = { error: { message: 'Operation Failed', detail: 'ACL Exception' }, status: 'failure' };
    faults.add({ match, action: 'answer', status: 403, json, count: 100 });
    world.instance.state.imports.scripts.set('Second', ({ u_code: code }) =>
      code === 'code-3' ? { error: 'the second map says no' } : {},
    );
    const client = limitedClient(world);
    await world.settings('imp_load', {});
    const request = await world.drop('imports/imp_load/x.csv', load(6));
    const summary = await world.run(request, new Map(), () => client);
    expect(summary.counts).toMatchObject({ unknown: 5, error: 1 });
    const messages = summary.messages.map(({ message }) => message).join();
    expect(messages).toContain('allow the user to read sys_transform_map');
  });

  it('are one where the rows show it, though neither maps nor histories may be read', async () => {
    const world = await worldWith({});
    for (const rule of refused) world.instance.control.auth.access.add({ ...rule, roles: [] });
    const client = limitedClient(world);
    await world.settings('imp_load', {});
    const request = await world.drop('imports/imp_load/x.csv', load(6));
    const summary = await world.run(request, new Map(), () => client);
    expect(summary.counts).toMatchObject({ inserted: 6, unknown: 0 });
  });
});

describe('a row that a transform script ignored', () => {
  it('is ignored with the reason, and the report does not say that every row arrived', async () => {
    const world = await worldWith({});
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-1' ? { ignore: true } : {},
    );
    const summary = await run(world, load(3));
    expect(summary.counts).toMatchObject({ inserted: 2, ignored: 1 });
    expect(summary.messages).toMatchObject([{ outcome: 'ignored', count: 1, lines: [3] }]);
    expect(await world.read(summary.results['report'] ?? '')).not.toContain('Every row arrived');
  });

  it('is not counted as arrived where there are more kinds of messages than the summary names', async () => {
    const world = await worldWith({});
    const letters = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
    world.instance.state.imports.scripts.set('Load', ({ u_code: code = '' }) => {
      const n = Number(code.replace('code-', ''));
      return n < 110 ? { error: `no ${letters(n)}` } : n < 130 ? { ignore: true } : {};
    });
    const summary = await run(world, load(140));
    expect(summary.counts).toMatchObject({ error: 110, ignored: 20, inserted: 10 });
    expect(summary.messages).toHaveLength(100);
    expect(summary.arrived).toBe(10);
    const report = await world.read(summary.results['report'] ?? '');
    expect(report).toContain('<dt>arrived</dt><dd>10</dd>');
  });

  it('is not confused with one whose values are there already', async () => {
    const world = await worldWith({});
    await run(world, load(3));
    const summary = await run(world, `${load(3)}\n`);
    expect(summary).toMatchObject({ counts: { ignored: 3 }, messages: [] });
    expect(await world.read(summary.results['report'] ?? '')).toContain('Every row arrived');
  });
});

describe('a request of which the instance kept no row', () => {
  const long = (name: string) => `${name},${'x'.repeat(100)}`;

  it.each([{}, { keyColumn: 'u_key' }])('is an error of each of its rows: %j', async (settings) => {
    const world = await worldWith({ switches: { maxStagingRowBytes: 80 } });
    const body = ['u_code,u_text', 'a,1', 'b,2', long('c'), long('d'), 'e,3', long('f')].join('\n');
    const summary = await run(world, body, { ...settings, rowsPerRequest: 2 });
    expect(await listed(world, summary)).toEqual([
      'inserted',
      'inserted',
      'error',
      'error',
      'inserted',
      'error',
    ]);
    const alone = await run(world, ['u_code,u_text', long('g')].join('\n'), settings);
    expect(alone.counts).toMatchObject({ error: 1, unknown: 0 });
    expect(alone.messages[0]?.message).toContain('one over 8,126 bytes is skipped');
    expect(await world.read(alone.results['rejected'] ?? '')).toContain('g,xxx');
  });

  it('is unknown where its rows are only hidden from the user', async () => {
    const world = await worldWith({});
    const { access } = world.instance.control.auth;
    for (const table of ['imp_load', 'sys_import_set_run'])
      access.add({ table, operation: 'read', roles: [] });
    const client = limitedClient(world);
    await world.settings('imp_load', {});
    const request = await world.drop('imports/imp_load/x.csv', load(3));
    const summary = await world.run(request, new Map(), () => client);
    expect(summary.counts).toMatchObject({ unknown: 3 });
  });
});

it.each([
  ['a part of them', 2, {}],
  ['a part of them, with keys', 2, { keyColumn: 'u_key' }],
  ['all of them', 0, {}],
])(
  'waits for rows that come to be shown while they are read: at first without %s',
  async (_, shown, settings) => {
    const world = await worldWith({});
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-3' ? { error: 'no' } : {},
    );
    let isFirst = true;
    const lagging: ServiceNowClient = {
      async send(call, context) {
        const response = await world.client.send(call, context);
        const isRead = call.path === '/api/now/table/imp_load' && /sys_import_set/.test(String(call.query));
        if (!isRead || !isFirst) return response;
        isFirst = false;
        const { result }: { result: readonly unknown[] } = JSON.parse(JSON.stringify(response.body));
        return { ...response, body: { result: result.slice(0, shown) } };
      },
      close: () => world.client.close(),
    };
    await world.settings('imp_load', settings);
    const request = await world.drop('imports/imp_load/x.csv', load(6));
    const summary = await world.run(request, new Map(), () => lagging);
    expect(summary.counts).toMatchObject({ inserted: 5, error: 1, unknown: 0 });
  },
);

it.each([{}, { keyColumn: 'u_key' }])(
  'a row that was deleted after its transform is unknown, not an error: %j',
  async (settings) => {
    const world = await worldWith({});
    const { store } = world.instance.state;
    let looks = 0;
    const client: ServiceNowClient = {
      async send(request, context) {
        // The table cleaner deletes a part of the rows once none is pending.
        if (request.path.endsWith('/table/imp_load') && looks++ === 0)
          for (const row of world.rows('imp_load'))
            if (Number(row['sys_import_row']) < 4) store.remove('imp_load', row['sys_id'] ?? '');
        return world.client.send(request, context);
      },
      close: () => world.client.close(),
    };
    await world.settings('imp_load', settings);
    const drop = await world.drop('imports/imp_load/cleaned.csv', load(10));
    const summary = await world.run(drop, new Map(), () => client);
    expect(world.rows('u_item')).toHaveLength(10);
    expect(summary.counts).toMatchObject({ inserted: 7, unknown: 3, error: 0 });
    expect(summary.messages).toMatchObject([
      { message: expect.stringMatching(/was deleted before/), count: 3 },
    ]);
  },
);

describe('verdicts without keys', () => {
  /** A client that sees other row numbers than the instance has given. */
  function renumbered(world: World, renumber: (number: number) => string): ServiceNowClient {
    return {
      async send(call, context) {
        const response = await world.client.send(call, context);
        if (!call.path.startsWith('/api/now/table/imp_load')) return response;
        const text = JSON.stringify(response.body, (name, value) => {
          if (name !== 'sys_import_row') return value;
          const number = renumber(Number(typeof value === 'string' ? value : value.value));
          return typeof value === 'string' ? number : { value: number, display_value: number };
        });
        return { ...response, body: JSON.parse(text) };
      },
      close: () => world.client.close(),
    };
  }

  it.each<[string, (number: number) => string]>([
    ['from 1', (number) => String(number)],
    ['from 0', (number) => String(number - 1)],
    ['from 100', (number) => String(number + 99)],
    ['in tens', (number) => String(number * 10)],
    ['with a gap', (number) => String(number > 3 ? number + 1 : number)],
    ['two by two', (number) => String(Math.ceil(number / 2))],
    ['all alike', () => '1'],
    ['backwards beyond a gap', (number) => String(number > 3 ? 30 - number : number)],
    ['not at all', () => ''],
  ])('belong to their own lines where an instance numbers staging rows %s', async (_, renumber) => {
    const world = await worldWith({});
    const bad = new Set(['code-0', 'code-9', 'code-10', 'code-24']);
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      bad.has(code ?? '') ? { error: `no ${code}` } : {},
    );
    await world.settings('imp_load', { rowsPerRequest: 10 });
    const request = await world.drop('imports/imp_load/x.csv', load(25));
    const summary = await world.run(request, new Map(), () => renumbered(world, renumber));
    const outcomes = await listed(world, summary);
    expect(outcomes.flatMap((outcome, i) => (outcome === 'error' ? `code-${i}` : []))).toEqual([...bad]);
    expect(summary.counts).toMatchObject({ inserted: 21, error: 4 });
  });

  it('are unknown for alike rows only, where their numbers do not distinguish them', async () => {
    const world = await worldWith({});
    await world.settings('imp_load', {});
    const body = ['u_code,u_text', 'a,1', 'b,2', 'a,1', 'c,3'].join('\n');
    const request = await world.drop('imports/imp_load/x.csv', body);
    const summary = await world.run(request, new Map(), () => renumbered(world, () => '1'));
    expect(await listed(world, summary)).toEqual(['unknown', 'inserted', 'unknown', 'inserted']);
    expect(summary.messages[0]?.message).toContain('with a keyColumn in _import.json they could be');
  });

  it('are found for alike rows by their order, where one of a request is skipped', async () => {
    const world = await worldWith({ switches: { maxStagingRowBytes: 80 } });
    await world.settings('imp_load', {});
    const body = ['u_code,u_text', 'a,1', `long,${'x'.repeat(100)}`, 'a,1', 'c,3'].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/x.csv', body));
    expect(await listed(world, summary)).toEqual(['inserted', 'error', 'ignored', 'inserted']);
  });

  it('are found for the rows that the user sees, and unknown for those that are hidden', async () => {
    const world = await worldWith({ switches: { stagingRowsFromZero: true } });
    const { auth } = world.instance.control;
    auth.access.add({ table: 'imp_load', operation: 'read', where: { u_code: 'code-1' } });
    const client = limitedClient(world);
    await world.settings('imp_load', {});
    const request = await world.drop('imports/imp_load/x.csv', load(4));
    const summary = await world.run(request, new Map(), () => client);
    expect(await listed(world, summary)).toEqual(['unknown', 'inserted', 'unknown', 'unknown']);
  });
});
