import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findOperation } from '../../lib/gateway/http-event.ts';
import { postBatch } from '../../lib/operations/batch.ts';
import { operations } from '../../lib/operations/catalog.ts';
import {
  deleteCartItem,
  getServiceCatalog,
  postServiceCatalog,
  putCartItem,
} from '../../lib/operations/service-catalog.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

const catalogTables = 'sc_catalog,sc_category,sc_cat_item,sc_cart_item,sc_request';
const base = '/api/sn_sc/servicecatalog';

let deployment: EmulatedDeployment;

async function open(tables: string) {
  deployment = await startDeployment({ ALLOWED_TABLES: tables });
}

beforeEach(() => open(catalogTables));
afterEach(() => deployment.close());

const read = (url: string) => deployment.serve(getServiceCatalog).http({ url });
const post = (url: string, body?: object) =>
  deployment
    .serve(postServiceCatalog)
    .http({ method: 'POST', url, ...(body && { body: JSON.stringify(body) }) });
const resultOf = (answer: { readonly body: unknown }) => Object(answer.body).result;
const laptop = async () => resultOf(await read(`${base}/items?sysparm_text=Standard Laptop`))[0].sys_id;
const requests = () => deployment.instance.state.store.count('sc_request');

describe('the Service Catalog API', () => {
  it('reads catalogs, their categories, items and one item, with and without a version', async () => {
    const catalogs = await read('/api/sn_sc/v1/servicecatalog/catalogs');
    expect(catalogs.statusCode).toBe(200);
    const [{ sys_id: catalog }] = resultOf(catalogs);
    expect(resultOf(await read(`${base}/catalogs/${catalog}`)).sys_id).toBe(catalog);
    expect(resultOf(await read(`${base}/catalogs/${catalog}/categories`)).length).toBeGreaterThan(0);
    const items = await read(`${base}/items?sysparm_catalog=${catalog}&sysparm_limit=1`);
    expect(resultOf(items)).toHaveLength(1);
    expect(Number(items.headers['x-total-count'])).toBeGreaterThan(1);
    const item = await read(`${base}/items/${await laptop()}`);
    expect(resultOf(item)).toMatchObject({ name: 'Standard Laptop', price_currency: 'USD' });
    expect((await read(`${base}/items/%20`)).statusCode).toBe(404);
  });

  it('orders an item at once, over HTTP and directly', async () => {
    const before = requests();
    const sysId = await laptop();
    const ordered = await post(`${base}/items/${sysId}/order_now`, { sysparm_quantity: 1 });
    expect(ordered).toMatchObject({ statusCode: 200, body: { result: { table: 'sc_request' } } });
    const directly = { sysId, action: 'order_now', record: { sysparm_quantity: '2' } };
    expect(await deployment.serve(postServiceCatalog).invoke(directly)).toMatchObject({
      result: { table: 'sc_request' },
    });
    expect(requests()).toBe(before + 2);
  });

  it('says that a key has no effect on an order, and is silent about one on a read', async () => {
    const headers = { 'idempotency-key': 'k1' };
    const url = `${base}/items/${await laptop()}/order_now`;
    const ordered = await deployment.serve(postServiceCatalog).http({ method: 'POST', url, headers });
    expect(ordered).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-warning': expect.stringContaining('does not support idempotency keys') },
    });
    const listed = await deployment.serve(getServiceCatalog).http({ url: `${base}/catalogs`, headers });
    expect(listed.headers).not.toHaveProperty('idempotency-warning');
  });

  it('fills the cart, takes a line out of it, and orders it', async () => {
    const sysId = await laptop();
    await post(`${base}/items/${sysId}/add_to_cart`, { sysparm_quantity: 1 });
    const cart = await post(`${base}/items/${sysId}/add_to_cart`, { sysparm_quantity: 3 });
    const [{ cart_item_id: line }] = resultOf(cart).items;
    const removal = { method: 'DELETE', url: `${base}/cart/${line}` };
    expect((await deployment.serve(deleteCartItem).http(removal)).statusCode).toBe(204);
    expect(resultOf(await read(`${base}/cart`)).items).toMatchObject([{ quantity: '3' }]);
    expect((await post(`${base}/cart/submit_order`)).statusCode).toBe(200);
    expect(resultOf(await read(`${base}/cart`)).items).toEqual([]);
  });

  it('changes a line of the cart, by its method and in a batch, and orders what it then says', async () => {
    const cart = await post(`${base}/items/${await laptop()}/add_to_cart`, { sysparm_quantity: 1 });
    const [{ cart_item_id: line }] = resultOf(cart).items;
    const url = `${base}/cart/${line}`;
    const change = (quantity: string) => ({
      method: 'PUT',
      url,
      body: JSON.stringify({ sysparm_quantity: quantity }),
    });
    const changed = await deployment.serve(putCartItem).http(change('4'));
    expect(changed).toMatchObject({ statusCode: 200, body: { result: { items: [{ quantity: '4' }] } } });
    expect(
      await deployment.serve(putCartItem).http({ ...change('5'), url: `${base}/cart/none` }),
    ).toMatchObject({ statusCode: 404 });
    const part = { ...change('3'), id: '1', body: Buffer.from(change('3').body).toString('base64') };
    const headers = [{ name: 'Content-Type', value: 'application/json' }];
    const body = JSON.stringify({ rest_requests: [{ ...part, headers }] });
    expect(
      await deployment.serve(postBatch).http({ method: 'POST', url: '/api/now/batch', body }),
    ).toMatchObject({ body: { serviced_requests: [{ status_code: 200 }] } });
    await deployment.serve(putCartItem).invoke({ sysId: line, record: { variables: { memory: '32 GB' } } });
    await post(`${base}/cart/submit_order`);
    expect(deployment.instance.control.snapshot('sc_req_item')).toMatchObject([{ quantity: '3' }]);
  });

  it.each([
    [{ resource: 'secrets' }, /^resource: required; one of catalogs, categories, items, cart/],
    [{ resource: 'items', sysId: 'x', part: 'scripts' }, /^part: one of/],
  ])('refuses the read %j', async (event, reason) => {
    await expect(deployment.serve(getServiceCatalog).invoke(event)).rejects.toThrow(reason);
  });

  it.each([
    [{ sysId: 'x' }, /^action: required; with a sysId/],
    [{ action: 'order_now' }, /^action: required; with a sysId/],
    [{ sysId: 'x', action: 'order_now', cartAction: 'checkout' }, /^action: required; with a sysId/],
    [{ sysId: 'x', action: 'delete_all' }, /^action: one of/],
  ])('refuses the write %j', async (event, reason) => {
    await expect(deployment.serve(postServiceCatalog).invoke(event)).rejects.toThrow(reason);
  });

  it('is bound to the tables that it reads and writes, in a batch too', async () => {
    await deployment.close();
    await open('sc_catalog,sc_cat_item');
    const catalogs = resultOf(await read(`${base}/catalogs`));
    const sysId = await laptop();
    const refused = [
      await read(`${base}/catalogs/${catalogs[0].sys_id}/categories`),
      await read(`${base}/cart`),
      await post(`${base}/items/${sysId}/order_now`, {}),
      await post(`${base}/items/${sysId}/add_to_cart`, {}),
      await post(`${base}/cart/checkout`),
      await deployment.serve(putCartItem).http({ method: 'PUT', url: `${base}/cart/${sysId}`, body: '{}' }),
    ];
    expect(refused.map(({ statusCode }) => statusCode)).toEqual([403, 403, 403, 403, 403, 403]);
    const rest_requests = [{ id: '1', method: 'POST', url: `${base}/items/${sysId}/order_now` }];
    const batch = { method: 'POST', url: '/api/now/batch', body: JSON.stringify({ rest_requests }) };
    expect((await deployment.serve(postBatch).http(batch)).body).toMatchObject({
      serviced_requests: [{ status_code: 403 }],
    });
    expect(requests()).toBe(0);
  });
});

it('keeps the namespaces apart', () => {
  expect(findOperation(operations, 'GET', `${base}/items`).name).toBe('getServiceCatalog');
  expect(() => findOperation(operations, 'GET', '/api/now/servicecatalog/items')).toThrow('expected');
  expect(() => findOperation(operations, 'GET', '/api/sn_sc/table/incident')).toThrow('expected');
});
