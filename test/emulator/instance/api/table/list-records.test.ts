import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../../emulator/instance/index.ts';
import { call } from '../../caller.ts';
import { create, list, recordsIn } from '../../records.ts';

const rows = Array.from({ length: 73 }, (_, at) => ({
  short_description: `Row ${at}`,
  correlation_id: `ext-${at}`,
  category: at % 2 === 0 ? 'software' : 'network',
}));

let instance: Instance;
let base: string;

beforeAll(async () => {
  instance = await startInstance({ demoData: false, data: { incident: rows } });
  base = `${instance.url}/api/now/table/incident`;
});
afterAll(() => instance.close());

const page = (query: string) => call(instance, 'GET', `/api/now/table/incident?${query}`);

describe('GET of a table: pages', () => {
  it('gives first, prev, next and last on a middle page, limit and offset where the request had them', async () => {
    const reply = await page('sysparm_limit=5&sysparm_fields=number&sysparm_offset=10&other=1');
    const at = (offset: number) =>
      `<${base}?sysparm_limit=5&sysparm_fields=number&sysparm_offset=${offset}&other=1>`;
    expect(reply.headers.get('link')).toBe(
      `${at(0)};rel="first",${at(5)};rel="prev",${at(15)};rel="next",${at(70)};rel="last"`,
    );
    expect(reply.headers.get('x-total-count')).toBe('73');
  });

  it('appends to the links what the request did not give', async () => {
    const first = (await page('sysparm_limit=5&other=1')).headers.get('link');
    expect(first).toContain(`<${base}?sysparm_limit=5&other=1&sysparm_offset=5>;rel="next"`);
    const second = (await page('sysparm_offset=0&sysparm_limit=7')).headers.get('link');
    expect(second).toContain(`<${base}?sysparm_offset=7&sysparm_limit=7>;rel="next"`);
  });

  it('gives more rows at once than it puts together at a time, each once and in order', async () => {
    const data = { problem: Array.from({ length: 10_002 }, (_, at) => ({ short_description: `Row ${at}` })) };
    const large = await startInstance({ demoData: false, data });
    const query = 'sysparm_limit=20000&sysparm_offset=1&sysparm_fields=sys_id';
    const ids = (await list(large, `/api/now/table/problem?${query}`)).map((record) =>
      String(record['sys_id']),
    );
    await large.close();
    expect(new Set(ids).size).toBe(10_001);
    expect(ids).toEqual(ids.toSorted());
  });

  it('leaves next out on the last page', async () => {
    const { headers } = await page('sysparm_limit=5&sysparm_offset=70');
    expect(headers.get('link')).not.toContain('rel="next"');
    expect(headers.get('link')).toContain(`sysparm_offset=65>;rel="prev"`);
  });

  it('sends prev with offset -1 on the first page of limit 1, as the product does', async () => {
    const { headers } = await page('sysparm_limit=1');
    expect(headers.get('link')).toContain('sysparm_offset=-1>;rel="prev"');
    expect(headers.get('link')).toContain('sysparm_offset=72>;rel="last"');
  });

  it('sends no prev on the first page of limit 5', async () => {
    const { headers } = await page('sysparm_limit=5');
    expect(headers.get('link')).not.toContain('rel="prev"');
  });

  it('sends no Link at all when everything fits one page', async () => {
    const { headers } = await page('sysparm_limit=500');
    expect(headers.get('link')).toBeNull();
    expect(headers.get('x-total-count')).toBe('73');
  });

  it('drops Link and keeps the count with sysparm_suppress_pagination_header', async () => {
    const { headers } = await page('sysparm_limit=5&sysparm_suppress_pagination_header=true');
    expect(headers.get('link')).toBeNull();
    expect(headers.get('x-total-count')).toBe('73');
  });

  it('sends no count with sysparm_no_count', async () => {
    const { headers } = await page('sysparm_limit=5&sysparm_no_count=true');
    expect(headers.get('x-total-count')).toBeNull();
  });

  it('takes a limit that is no number for the default', async () => {
    expect(recordsIn(await page('sysparm_limit=many'))).toHaveLength(73);
  });

  it('links keep the version segment of the request', async () => {
    const reply = await call(instance, 'GET', '/api/now/v2/table/incident?sysparm_limit=5');
    expect(reply.headers.get('link')).toContain(`<${instance.url}/api/now/v2/table/incident?`);
  });

  it('comes by sys_id, so that pages neither overlap nor leave gaps', async () => {
    const ids: unknown[] = [];
    for (let offset = 0; offset < 73; offset += 10) {
      const records = recordsIn(
        await page(`sysparm_fields=sys_id&sysparm_limit=10&sysparm_offset=${offset}`),
      );
      ids.push(...records.map((record) => record['sys_id']));
    }
    expect(new Set(ids).size).toBe(73);
    expect(ids).toEqual(ids.toSorted());
  });
});

describe('GET of a table: what is found', () => {
  it('answers an empty list with 200 and a count of 0, but with 404 on v1', async () => {
    const query = 'sysparm_query=correlation_id=absent';
    const empty = await page(query);
    expect([empty.status, empty.json, empty.headers.get('x-total-count')]).toEqual([
      200,
      { result: [] },
      '0',
    ]);
    const v1 = await call(instance, 'GET', `/api/now/v1/table/incident?${query}`);
    expect([v1.status, v1.json]).toEqual([
      404,
      {
        error: {
          message: 'No Record found',
          detail: "Record doesn't exist or ACL restricts the record retrieval",
        },
        status: 'failure',
      },
    ]);
  });

  it('filters by field=value pairs in addition to sysparms, and accepts labels of choices', async () => {
    expect(recordsIn(await page('category=Software&sysparm_limit=100'))).toHaveLength(37);
    expect(recordsIn(await page('category=software&correlation_id=ext-4'))).toHaveLength(1);
  });

  it('takes an empty sysparm_query for none', async () => {
    expect(recordsIn(await page('sysparm_query=&correlation_id=ext-4'))).toHaveLength(1);
  });

  it('takes dot-walked names in field=value pairs, and passes over names that lead nowhere', async () => {
    await create(instance, 'problem', {});
    const found = (query: string) => list(instance, `/api/now/table/problem?${query}`);
    expect(await found(`opened_by.user_name=${instance.username}&opened_by.nonsense=1`)).toHaveLength(1);
    expect(await found('opened_by.user_name=absent')).toHaveLength(0);
  });

  it('lets sysparm_query win over field=value pairs', async () => {
    expect(recordsIn(await page('correlation_id=ext-4&sysparm_query=correlation_id=ext-5'))).toMatchObject([
      { correlation_id: 'ext-5' },
    ]);
  });

  it('drops a clause on an unknown field, which widens the list', async () => {
    expect(recordsIn(await page('sysparm_query=no_such_field=1^category=network'))).toHaveLength(36);
  });

  it('answers 400 for a table that is not there', async () => {
    const reply = await call(instance, 'GET', '/api/now/table/u_nowhere');
    expect([reply.status, reply.json]).toEqual([
      400,
      { error: { message: 'Invalid table u_nowhere', detail: null }, status: 'failure' },
    ]);
  });
});

describe('GET of a table: ties', () => {
  it('shuffles what the order leaves tied when the switch is on, and only that', async () => {
    const shuffling = await startInstance({
      demoData: false,
      data: { incident: rows },
      switches: { shuffleTies: true },
    });
    const order = async (query: string) => {
      const records = await list(
        shuffling,
        `/api/now/table/incident?sysparm_fields=sys_id&sysparm_query=${query}`,
      );
      return records.map((record) => record['sys_id']);
    };
    const [first, second] = [await order('ORDERBYcategory'), await order('ORDERBYcategory')];
    const [firstById, secondById] = [await order('ORDERBYsys_id'), await order('ORDERBYsys_id')];
    await shuffling.close();
    expect(first).not.toEqual(second);
    expect(first.toSorted()).toEqual(second.toSorted());
    expect(firstById).toEqual(secondById);
  });
});
