import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { listAll, type PageOptions } from '../../../lib/servicenow/pages.ts';
import { json, refuse, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

async function collect(client: ServiceNowClient, options: PageOptions) {
  const ids: unknown[] = [];
  for await (const record of listAll(client, options, callContext())) ids.push(record['sys_id']);
  return ids;
}

async function connect() {
  const instance = await startInstance();
  onTestFinished(() => instance.close());
  const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
  const allIds = instance.state.store.select('incident', {}).map((row) => row['sys_id'] ?? '');
  return { client: clientFor({ instanceUrl: instance.url, auth }), allIds: allIds.toSorted() };
}

describe('listing all records', () => {
  it('gives each once, in sys_id order, whatever the page size', async () => {
    const { client, allIds } = await connect();
    for (const pageSize of [1000, allIds.length, 7]) {
      expect(await collect(client, { table: 'incident', pageSize })).toEqual(allIds);
    }
  });

  it('keeps the condition in each group of a query with ^NQ', async () => {
    const { client, allIds } = await connect();
    const [first = '', second = '', third = ''] = allIds;
    const query = `sys_id=${first}^ORsys_id=${second}^NQsys_id=${third}`;
    expect(await collect(client, { table: 'incident', query, pageSize: 1, fields: ['number'] })).toEqual([
      first,
      second,
      third,
    ]);
  });

  it('goes on after short and even empty pages, which access controls leave behind', async () => {
    const pages = [[{ sys_id: 'a' }], [], [], [{ sys_id: 'm' }, { sys_id: 'n' }]];
    const next = '<https://x/api/now/table/incident?sysparm_offset=3>;rel="next"';
    const { url, seen } = await scriptedServer((response, _seen, index) =>
      json(
        response,
        200,
        { result: pages[index] },
        index < pages.length - 1 ? { link: next } : { 'x-total-count': '9' },
      ),
    );
    const client = clientFor({ instanceUrl: url, auth: basic });
    expect(await collect(client, { table: 'incident', pageSize: 3 })).toEqual(['a', 'm', 'n']);
    const asked = seen.map(({ url: path }) => new URL(path, url).searchParams);
    expect(asked.map((query) => [query.get('sysparm_query'), query.get('sysparm_offset')])).toEqual([
      ['ORDERBYsys_id', '0'],
      ['sys_id>a^ORDERBYsys_id', '0'],
      ['sys_id>a^ORDERBYsys_id', '3'],
      ['sys_id>a^ORDERBYsys_id', '6'],
    ]);
  });

  it('goes on after a short page while the instance counts more rows than the page could hold', async () => {
    const pages = [[{ sys_id: 'a' }], [], [{ sys_id: 'm' }]];
    const left = ['9', '8', '4'];
    const { url, seen } = await scriptedServer((response, _seen, index) =>
      json(response, 200, { result: pages[index] }, { 'x-total-count': left[index] ?? '0' }),
    );
    const client = clientFor({ instanceUrl: url, auth: basic });
    expect(await collect(client, { table: 'incident', pageSize: 4 })).toEqual(['a', 'm']);
    const offsets = seen.map(({ url: path }) => new URL(path, url).searchParams.get('sysparm_offset'));
    expect(offsets).toEqual(['0', '0', '4']);
  });

  it('ends at an empty page only when the instance says nothing about further rows', async () => {
    const pages = [[{ sys_id: 'a' }, { sys_id: 'b' }], [{ sys_id: 'c' }], []];
    const { url, seen } = await scriptedServer((response, _seen, index) =>
      json(response, 200, { result: pages[index] }),
    );
    const client = clientFor({ instanceUrl: url, auth: basic });
    expect(await collect(client, { table: 'incident', pageSize: 2 })).toEqual(['a', 'b', 'c']);
    expect(seen).toHaveLength(3);
  });

  it('does not read the same page for ever when the instance ignores the key', async () => {
    const { url } = await scriptedServer((response) =>
      json(response, 200, { result: [{ sys_id: 'a' }] }, { 'x-total-count': '5' }),
    );
    const listing = collect(clientFor({ instanceUrl: url, auth: basic }), { table: 'incident', pageSize: 1 });
    await expect(listing).rejects.toMatchObject({ code: 'ANSWER_LOST' });
  });

  it('asks for half as many rows when the instance cannot deliver a page', async () => {
    const { url, seen } = await scriptedServer((response, { url: path }) => {
      const limit = Number(new URL(path, 'http://x').searchParams.get('sysparm_limit'));
      if (limit > 250) return refuse(response, 200, 'Transaction cancelled: maximum execution time exceeded');
      return json(response, 200, { result: [{ sys_id: 'a' }] }, { 'x-total-count': '1' });
    });
    expect(await collect(clientFor({ instanceUrl: url, auth: basic }), { table: 'incident' })).toEqual(['a']);
    expect(seen).toHaveLength(3);
  });

  it('refuses a query that sorts', async () => {
    const client = clientFor({ instanceUrl: 'http://127.0.0.1:1', auth: basic });
    const listing = collect(client, { table: 'incident', query: 'active=true^ORDERBYnumber' });
    await expect(listing).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'query' });
  });
});
