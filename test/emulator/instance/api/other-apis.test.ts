import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call, type Sending } from '../caller.ts';
import { create, recordIn, recordsIn } from '../records.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({
    accounts: [
      { userName: 'buyer', password: 'b', roles: [] },
      { userName: 'sensor', password: 's', roles: ['evt_mgmt_integration'] },
    ],
  });
});
afterAll(() => instance.close());
beforeEach(() => instance.control.reset());

const send = (method: string, path: string, json?: Sending['json'], as?: string) =>
  call(instance, method, path, { json, ...(as !== undefined && { as }) });
const held = (table: string) => instance.state.store.select(table);

describe('/api/now/cmdb/instance', () => {
  const path = '/api/now/cmdb/instance/cmdb_ci_linux_server';
  const relation = z.object({
    sys_id: z.string(),
    type: z.object({ display_value: z.string(), value: z.string() }),
    target: z.object({ display_value: z.string(), value: z.string(), link: z.string() }),
  });
  const item = z.object({
    attributes: z.record(z.string(), z.unknown()),
    inbound_relations: z.array(relation),
    outbound_relations: z.array(relation),
  });
  const make = async (name: string) => {
    const reply = await send('POST', path, { attributes: { name, no_such: 'x' }, source: 'ServiceNow' });
    expect(reply.status).toBe(201);
    const { attributes } = item.parse(recordIn(reply));
    return { sysId: String(attributes['sys_id']), attributes };
  };

  it('creates, lists, reads and changes the items of a class', async () => {
    const { sysId, attributes } = await make('linux-1');
    expect(attributes).toMatchObject({ name: 'linux-1', sys_class_name: 'cmdb_ci_linux_server', asset: '' });
    expect(recordsIn(await send('GET', `${path}?sysparm_query=name=linux-1`))).toEqual([
      { sys_id: sysId, name: 'linux-1' },
    ]);
    const assigned_to = '6816f79cc0a8016401c5a33be04be441';
    const changed = await send('PATCH', `${path}/${sysId}`, {
      attributes: { assigned_to },
      source: 'ServiceNow',
    });
    expect(item.parse(recordIn(changed)).attributes['assigned_to']).toEqual({
      display_value: 'System Administrator',
      link: `${instance.url}/api/now/table/sys_user/${assigned_to}`,
      value: assigned_to,
    });
  });

  it('reads an item under a class above its own, and refuses tables outside the CMDB', async () => {
    const { sysId } = await make('linux-1');
    const reply = await send('GET', `/api/now/cmdb/instance/cmdb_ci/${sysId}`);
    expect(item.parse(recordIn(reply)).attributes['sys_class_name']).toBe('cmdb_ci_linux_server');
    const statuses = await Promise.all(
      ['/api/now/cmdb/instance/incident', `${path}/nowhere`].map(
        async (one) => (await send('GET', one)).status,
      ),
    );
    expect(statuses).toEqual([400, 404]);
    expect((await send('POST', path, { name: 'no attributes' })).status).toBe(400);
  });

  it('adds relations, shows them from both ends, and removes them', async () => {
    const [cooler, cooled] = [await make('cooler'), await make('cooled')];
    const type = held('cmdb_rel_type').find((row) => row['name'] === 'Cools::Cooled By')?.['sys_id'];
    const relations = `${path}/${cooler.sysId}/relation`;
    const body = { outbound_relations: [{ type, target: cooled.sysId }], source: 'ServiceNow' };
    const [added] = item.parse(recordIn(await send('POST', relations, body))).outbound_relations;
    expect(added).toMatchObject({
      type: { display_value: 'Cools::Cooled By', value: type },
      target: { display_value: 'cooled', value: cooled.sysId },
    });
    const other = item.parse(recordIn(await send('GET', `${path}/${cooled.sysId}`)));
    expect(other.inbound_relations).toMatchObject([
      { sys_id: added?.sys_id, target: { value: cooler.sysId } },
    ]);
    expect((await send('DELETE', `${relations}/${added?.sys_id}`)).status).toBe(204);
    expect(held('cmdb_rel_ci')).toEqual([]);
    const unknown = { outbound_relations: [{ type, target: 'nowhere' }] };
    expect((await send('POST', relations, unknown)).status).toBe(400);
  });

  it('describes a class with its own and inherited attributes', async () => {
    const meta = recordIn(await send('GET', '/api/now/cmdb/meta/cmdb_ci_server'));
    expect(meta).toMatchObject({ name: 'cmdb_ci_server', parent: 'cmdb_ci_computer', is_extendable: 'true' });
    expect(meta['children']).toContain('cmdb_ci_linux_server');
    expect(meta['attributes']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ element: 'host_name', is_inherited: 'false' }),
        expect.objectContaining({ element: 'asset', is_inherited: 'true', reference: 'alm_asset' }),
      ]),
    );
  });
});

describe('/api/sn_sc/servicecatalog', () => {
  const base = '/api/sn_sc/servicecatalog';
  const as = 'buyer:b';
  const catalogNamed = async (title: string) =>
    String(
      recordsIn(await send('GET', `${base}/catalogs`, undefined, as)).find((one) => one['title'] === title)?.[
        'sys_id'
      ],
    );
  const itemNamed = async (text: string) =>
    String(
      recordsIn(
        await send('GET', `${base}/items?sysparm_text=${encodeURIComponent(text)}`, undefined, as),
      )[0]?.['sys_id'],
    );

  it('lists catalogs, their categories and items, for a user without roles', async () => {
    const catalog = await catalogNamed('Technical Catalog');
    const categories = recordsIn(await send('GET', `${base}/catalogs/${catalog}/categories`, undefined, as));
    expect(categories).toMatchObject([{ title: 'Servers', subcategories: [] }]);
    const page = await send('GET', `${base}/items?sysparm_catalog=${catalog}&sysparm_limit=1`, undefined, as);
    expect([recordsIn(page).length, page.headers.get('x-total-count')]).toEqual([1, '2']);
    const none = await send(
      'GET',
      `${base}/items?sysparm_catalog=${catalog}&sysparm_text=nothing`,
      undefined,
      as,
    );
    expect(recordsIn(none)).toEqual([]);
    const item = recordIn(
      await send('GET', `${base}/items/${recordsIn(page)[0]?.['sys_id']}`, undefined, as),
    );
    expect(item['variables']).toMatchObject([{ name: 'size', mandatory: false }]);
    expect((await send('GET', `/api/sn_sc/v1/servicecatalog/catalogs/${catalog}`)).status).toBe(200);
  });

  it('orders one item at once, for the user who is named', async () => {
    const item = await itemNamed('New Email Account');
    const body = {
      sysparm_quantity: '1',
      sysparm_requested_for: 'abraham.lincoln',
      variables: { new_email: 'a@example.com' },
    };
    const reply = await send('POST', `${base}/items/${item}/order_now`, body, as);
    const [request] = held('sc_request');
    const { sys_id, number } = request ?? {};
    expect([reply.status, recordIn(reply)]).toEqual([
      200,
      { sys_id, number, request_number: number, request_id: sys_id, table: 'sc_request' },
    ]);
    expect(request?.['requested_for']).toBe('a8f98bb0eb32010045e1a5115206fe3a');
    expect(held('sc_req_item')).toMatchObject([{ request: sys_id, cat_item: item, quantity: '1' }]);
    expect(held('sc_item_option')).toMatchObject([{ name: 'new_email', value: 'a@example.com' }]);
  });

  it('keeps a cart for each user until it is ordered', async () => {
    const item = await itemNamed('ipad');
    const added = await send('POST', `${base}/items/${item}/add_to_cart`, { sysparm_quantity: 2 }, as);
    expect(recordIn(added)).toMatchObject({
      items: [{ item_name: 'iPad', quantity: '2' }],
      subtotal: '$200.00',
    });
    expect(recordIn(await send('GET', `${base}/cart`))).toMatchObject({ items: [] });
    const ordered = await send('POST', `${base}/cart/submit_order`, undefined, as);
    expect(recordIn(ordered)).toMatchObject({ request_number: held('sc_request')[0]?.['number'] });
    expect(held('sc_req_item')).toMatchObject([{ quantity: '2' }]);
    expect((await send('POST', `${base}/cart/checkout`, undefined, as)).status).toBe(400);
  });

  it('removes a line of the cart, and refuses what it does not have', async () => {
    const item = await itemNamed('ipad');
    const added = recordIn(await send('POST', `${base}/items/${item}/add_to_cart`, {}, as));
    const [line] = z.array(z.object({ cart_item_id: z.string() })).parse(added['items']);
    expect((await send('DELETE', `${base}/cart/${line?.cart_item_id}`)).status).toBe(404);
    expect((await send('PUT', `${base}/cart/${line?.cart_item_id}`, { sysparm_quantity: 4 })).status).toBe(
      404,
    );
    const changed = await send('PUT', `${base}/cart/${line?.cart_item_id}`, { sysparm_quantity: 4 }, as);
    expect(recordIn(changed)).toMatchObject({ items: [{ quantity: '4', cart_item_id: line?.cart_item_id }] });
    expect((await send('DELETE', `${base}/cart/${line?.cart_item_id}`, undefined, as)).status).toBe(204);
    expect((await send('POST', `${base}/items/nothing/order_now`, {}, as)).status).toBe(404);
  });
});

describe('/api/global/em/jsonv2', () => {
  it('writes events without business rules, and says how many', async () => {
    instance.control.rules.add({ table: 'em_event', action: 'abort' });
    const event = { source: 'cloud', node: 'n', type: 't', severity: '1', message_key: 'k', no_such: 'x' };
    const records = [{ ...event, additional_info: { region: 'eu' } }, event];
    const reply = await send('POST', '/api/global/em/jsonv2', { records }, 'sensor:s');
    expect([reply.status, reply.json]).toEqual([
      200,
      { result: { 'Default Bulk Endpoint': '2 events were inserted' } },
    ]);
    expect(
      held('em_event')
        .map((row) => row['additional_info'])
        .sort(),
    ).toEqual(['', '{"region":"eu"}']);
    expect(instance.control.ledger.counters()['em_event']).toMatchObject({ insert: 2 });
  });

  it('needs the role, and records', async () => {
    expect((await send('POST', '/api/global/em/jsonv2', { records: [] }, 'buyer:b')).status).toBe(403);
    expect((await send('POST', '/api/global/em/jsonv2', { events: [] })).status).toBe(400);
  });
});

describe('/api/now/tinyurl', () => {
  it('keeps a long query under a short name, which any list takes', async () => {
    const { sys_id } = await create(instance, 'incident', { number: 'TINY' });
    const query = `sys_id=${sys_id}${'^ORsys_id=00000000000000000000000000000000'.repeat(300)}`;
    const url = `${instance.url}/api/now/table/incident?sysparm_fields=number&sysparm_query=${encodeURIComponent(query)}`;
    const made = await send('POST', '/api/now/tinyurl', { url });
    const { result } = z.object({ result: z.string() }).parse(made.json);
    expect([made.status, result]).toEqual([
      201,
      expect.stringMatching(/^incident_list\.do\?sysparm_tiny=\w{32}$/),
    ]);
    const tiny = result.split('?')[1];
    expect(recordsIn(await send('GET', `/api/now/table/incident?${tiny}`))).toEqual([{ number: 'TINY' }]);
    const counted = await send('GET', `/api/now/stats/incident?${tiny}&sysparm_count=true`);
    expect(counted.json).toEqual({ result: { stats: { count: '1' } } });
    expect((await send('POST', '/api/now/tinyurl', {})).status).toBe(400);
  });
});

describe('other name spaces', () => {
  it.each(['/api/sn_sc/nothing', '/api/other/table/incident', '/api/now/%40sn_sc/servicecatalog/cart/x/y'])(
    'answer 400 for %s',
    async (path) => {
      expect((await send('GET', path)).json).toMatchObject({
        error: { message: 'Requested URI does not represent any resource' },
      });
    },
  );
});
