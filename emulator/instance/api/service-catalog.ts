import { stringifyValue } from '../fields/input.ts';
import type { Answer, Exchange } from '../http/exchange.ts';
import { Failure, noRecordFound } from '../http/failure.ts';
import type { Row } from '../row.ts';
import type { InstanceState } from '../state.ts';
import { isObject, readObject } from './import/request.ts';
import { type Action, negotiated, type Route } from './router.ts';
import { readParameters } from './table/request.ts';

// The Service Catalog API: catalogs, categories, items, and the cart of each user (ServiceNow docs, "Service Catalog API").

type Line = {
  readonly item: Row;
  readonly quantity: string;
  readonly requestedFor: string;
  readonly variables: string;
};

const brief = (row: Row | undefined) =>
  row ? { sys_id: row['sys_id'] ?? '', title: row['title'] ?? '' } : { sys_id: '', title: '' };

/** A page of what was found, with the total. */
function paged(exchange: Exchange, found: readonly object[]): Answer {
  const { limit, offset } = readParameters(exchange);
  return {
    status: 200,
    headers: { 'X-Total-Count': String(found.length) },
    json: { result: found.slice(offset, offset + limit) },
  };
}

function describeCatalog({ store }: InstanceState, row: Row) {
  const catalog = row['sys_id'] ?? '';
  const has = (table: string, where: string) => store.count(table, { where, params: [catalog] }) > 0;
  return {
    ...brief(row),
    description: row['description'] ?? '',
    has_categories: has('sc_category', 't0."sc_catalog" = ?'),
    has_items: has('sc_cat_item', `instr(t0."sc_catalogs", ?) > 0`),
  };
}

const listCatalogs: Action = (exchange, state) =>
  paged(
    exchange,
    state.store.select('sc_catalog', { where: 't0."active" = 1' }).map((row) => describeCatalog(state, row)),
  );

const getCatalog: Action = (exchange, state) => ({
  status: 200,
  json: { result: describeCatalog(state, rowOf('sc_catalog', exchange, state)) },
});

const listCategories: Action = (exchange, state) => {
  const { sys_id: catalog = '' } = rowOf('sc_catalog', exchange, state);
  const rows = state.store.select('sc_category', { where: 't0."sc_catalog" = ?', params: [catalog] });
  return paged(
    exchange,
    rows.map((row) => ({
      ...brief(row),
      description: row['description'] ?? '',
      full_description: null,
      subcategories: rows.filter((one) => one['parent'] === row['sys_id']).map(brief),
    })),
  );
};

const listItems: Action = (exchange, state) => {
  const given = exchange.url.searchParams;
  const [catalog, category] = [given.get('sysparm_catalog'), given.get('sysparm_category')];
  const text = (given.get('sysparm_text') ?? '').toLowerCase();
  const rows = state.store.select('sc_cat_item', { where: 't0."active" = 1', orderBy: 't0."name"' });
  const found = rows.filter(
    (row) =>
      (catalog === null || row['sc_catalogs']?.includes(catalog)) &&
      (category === null || row['category'] === category) &&
      `${row['name']} ${row['short_description']}`.toLowerCase().includes(text),
  );
  return paged(
    exchange,
    found.map((row) => describeItem(state, row)),
  );
};

const getItem: Action = (exchange, state) => {
  const row = rowOf('sc_cat_item', exchange, state);
  return {
    status: 200,
    json: { result: { ...describeItem(state, row), variables: variablesOf(state, row) } },
  };
};

/** A price as it is shown to a caller in the United States. */
const shownPrice = (amount: string | undefined) =>
  Number(amount || 0).toLocaleString('en-US', { style: 'currency', currency: 'USD' });

const isOn = (value: string | undefined) => value === 'true';

const frequencies: Readonly<Record<string, string>> = {
  daily: 'Daily',
  weekly: 'Weekly',
  monthly: 'Monthly',
  quarterly: 'Quarterly',
  yearly: 'Annually',
};

/** An item as the catalog shows it (recorded in 2026). */
function describeItem({ store }: InstanceState, row: Row) {
  const catalogs = (row['sc_catalogs'] ?? '').split(',').filter(Boolean);
  const category = brief(store.find('sc_category', row['category'] ?? ''));
  const price = shownPrice(row['price']);
  const recurring = shownPrice(row['recurring_price']);
  return {
    sys_id: row['sys_id'] ?? '',
    name: row['name'] ?? '',
    short_description: row['short_description'] ?? '',
    description: row['description'] ?? '',
    sys_class_name: row['sys_class_name'] || 'sc_cat_item',
    type: 'catalog_item',
    content_type: '',
    url: '',
    kb_article: '',
    icon: row['icon'] || 'images/service_catalog/generic_small.gifx',
    picture: row['picture'] ?? '',
    owner: row['owner'] ?? '',
    order: Number(row['order'] || 0),
    request_method: row['request_method'] ?? '',
    availability: row['availability'] || 'on_both',
    mandatory_attachment: isOn(row['mandatory_attachment']),
    visible_standalone: isOn(row['visible_standalone']),
    hide_sp: isOn(row['hide_sp']),
    make_item_non_conversational: isOn(row['make_item_non_conversational']),
    turn_off_nowassist_conversation: false,
    show_price: !isOn(row['omit_price']),
    show_quantity: !isOn(row['no_quantity_v2']),
    show_wishlist: !isOn(row['no_wishlist_v2']),
    show_delivery_time: !isOn(row['no_delivery_time_v2']),
    local_currency: 'USD',
    price,
    localized_price: price,
    price_value: Number(row['price'] || 0),
    price_currency: 'USD',
    recurring_price: recurring,
    localized_recurring_price: recurring,
    recurring_price_value: Number(row['recurring_price'] || 0),
    recurring_price_currency: 'USD',
    recurring_frequency: frequencies[row['recurring_frequency'] ?? ''] ?? '',
    catalogs: catalogs.map((sysId) => ({ ...brief(store.find('sc_catalog', sysId)), active: true })),
    category,
    categories: [{ ...category, active: true }],
  };
}

function variablesOf({ store }: InstanceState, item: Row) {
  const where = { where: 't0."cat_item" = ?', params: [item['sys_id'] ?? ''], orderBy: 't0."order"' };
  return store.select('item_option_new', where).map((row) => ({
    id: row['sys_id'] ?? '',
    name: row['name'] ?? '',
    label: row['question_text'] ?? '',
    type: Number(row['type'] || 6),
    mandatory: row['mandatory'] === 'true',
    value: '',
  }));
}

/** POST order_now: one item, ordered without the cart. */
const orderNow: Action = (exchange, state) => {
  const line = readLine(exchange, state);
  const request = state.store.transaction(() => placeOrder([line], exchange, state));
  const { sys_id = '', number = '' } = request;
  return {
    status: 200,
    json: { result: { sys_id, number, request_number: number, request_id: sys_id, table: 'sc_request' } },
  };
};

const addToCart: Action = (exchange, state) => {
  const { item, quantity, requestedFor, variables } = readLine(exchange, state);
  const row = { cart_user: exchange.user.sysId, cat_item: item['sys_id'] ?? '' };
  state.store.insert(
    'sc_cart_item',
    { ...row, quantity, requested_for: requestedFor, variables },
    exchange.user,
  );
  return { status: 200, json: { result: describeCart(exchange, state) } };
};

const getCart: Action = (exchange, state) => ({
  status: 200,
  json: { result: describeCart(exchange, state) },
});

function cartRows({ user }: Exchange, { store }: InstanceState): Row[] {
  return store.select('sc_cart_item', {
    where: 't0."cart_user" = ?',
    params: [user.sysId],
    orderBy: 't0.rowid',
  });
}

function describeCart(exchange: Exchange, state: InstanceState) {
  const items = cartRows(exchange, state).map((row) => {
    const item = state.store.find('sc_cat_item', row['cat_item'] ?? '');
    return {
      cart_item_id: row['sys_id'] ?? '',
      catalog_item_id: row['cat_item'] ?? '',
      item_name: item?.['name'] ?? '',
      quantity: row['quantity'] ?? '1',
      price: shownPrice(item?.['price']),
      subtotal: Number(item?.['price'] || 0) * Number(row['quantity'] || 1),
    };
  });
  const subtotal = items.reduce((sum, line) => sum + line.subtotal, 0);
  return {
    cart_id: exchange.user.sysId,
    subtotal: shownPrice(String(subtotal)),
    items: items.map(({ subtotal: amount, ...line }) => ({ ...line, subtotal: shownPrice(String(amount)) })),
  };
}

/** DELETE of one line of the cart. */
const removeFromCart: Action = (exchange, state) => {
  state.store.remove('sc_cart_item', cartRow(exchange, state)['sys_id'] ?? '');
  return { status: 204 };
};

/** PUT of one line of the cart: what is given changes. Answers with the whole cart. */
const changeCart: Action = (exchange, state) => {
  const { sys_id = '' } = cartRow(exchange, state);
  const body = exchange.body.length === 0 ? {} : readObject(exchange.body);
  const quantity = stringifyValue(body['sysparm_quantity']);
  const changes = {
    ...(quantity !== '' && { quantity }),
    ...(isObject(body['variables']) && { variables: JSON.stringify(body['variables']) }),
  };
  state.store.update('sc_cart_item', sys_id, changes, exchange.user);
  return getCart(exchange, state);
};

/** The line of the caller's cart that the path names. @throws Failure 404 */
function cartRow(exchange: Exchange, state: InstanceState): Row {
  const row = cartRows(exchange, state).find(({ sys_id }) => sys_id === exchange.segments[3]);
  if (!row) throw noRecordFound();
  return row;
}

/**
 * POST submit_order and checkout: a request with one requested item per line of the cart, which is then empty.
 * @throws Failure 400 for an empty cart.
 */
const submitOrder: Action = (exchange, state) => {
  const rows = cartRows(exchange, state);
  if (rows.length === 0) throw new Failure(400, 'Cart is empty', 'There is nothing to order');
  const request = state.store.transaction(() => {
    const placed = placeOrder(
      rows.flatMap((row) => lineOf(state, row)),
      exchange,
      state,
    );
    for (const row of rows) state.store.remove('sc_cart_item', row['sys_id'] ?? '');
    return placed;
  });
  const { sys_id = '', number = '' } = request;
  return { status: 200, json: { result: { request_id: sys_id, request_number: number } } };
};

function lineOf({ store }: InstanceState, row: Row): Line[] {
  const item = store.find('sc_cat_item', row['cat_item'] ?? '');
  const { quantity = '1', requested_for: requestedFor = '', variables = '' } = row;
  return item ? [{ item, quantity, requestedFor, variables }] : [];
}

function placeOrder(lines: readonly Line[], { user }: Exchange, { store }: InstanceState): Row {
  const [first] = lines;
  const request = store.insert('sc_request', { requested_for: first?.requestedFor || user.sysId }, user);
  for (const { item, quantity, requestedFor, variables } of lines) {
    const ordered = store.insert(
      'sc_req_item',
      {
        request: request['sys_id'] ?? '',
        parent: request['sys_id'] ?? '',
        cat_item: item['sys_id'] ?? '',
        short_description: item['short_description'] ?? '',
        requested_for: requestedFor || user.sysId,
        quantity,
      },
      user,
    );
    for (const [name, value] of Object.entries(parsedVariables(variables)))
      store.insert('sc_item_option', { request_item: ordered['sys_id'] ?? '', name, value }, user);
  }
  return request;
}

function parsedVariables(text: string): Row {
  const parsed: unknown = text === '' ? {} : JSON.parse(text);
  const entries = isObject(parsed) ? Object.entries(parsed) : [];
  return Object.fromEntries(entries.map(([name, value]) => [name, stringifyValue(value)]));
}

/** @throws Failure 404 for an unknown item, 400 for a mandatory variable without a value. */
function readLine(exchange: Exchange, state: InstanceState): Line {
  const item = rowOf('sc_cat_item', exchange, state);
  const body = exchange.body.length === 0 ? {} : readObject(exchange.body);
  const variables = isObject(body['variables']) ? body['variables'] : {};
  const missing = variablesOf(state, item).filter(({ name, mandatory }) => mandatory && !variables[name]);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new Failure(400, 'Mandatory Variables are required', `Missing: ${names}`);
  }
  const wanted = stringifyValue(body['sysparm_requested_for']);
  return {
    item,
    quantity: stringifyValue(body['sysparm_quantity']) || '1',
    requestedFor: state.auth.directory.find(wanted)?.sysId ?? wanted,
    variables: JSON.stringify(variables),
  };
}

/** The catalog or item that the path names. @throws Failure 404 */
function rowOf(table: string, { segments }: Exchange, { store }: InstanceState): Row {
  const row = store.find(table, segments[3] ?? '');
  if (!row) throw noRecordFound();
  return row;
}

const base = '@sn_sc/servicecatalog';

export const serviceCatalogRoutes: readonly Route[] = [
  { path: `${base}/catalogs`, methods: { GET: negotiated(listCatalogs) } },
  { path: `${base}/catalogs/:sysId`, methods: { GET: negotiated(getCatalog) } },
  { path: `${base}/catalogs/:sysId/categories`, methods: { GET: negotiated(listCategories) } },
  { path: `${base}/items`, methods: { GET: negotiated(listItems) } },
  { path: `${base}/items/:sysId`, methods: { GET: negotiated(getItem) } },
  { path: `${base}/items/:sysId/order_now`, methods: { POST: negotiated(orderNow, 'json') } },
  { path: `${base}/items/:sysId/add_to_cart`, methods: { POST: negotiated(addToCart, 'json') } },
  { path: `${base}/cart`, methods: { GET: negotiated(getCart) } },
  { path: `${base}/cart/submit_order`, methods: { POST: negotiated(submitOrder, 'json') } },
  { path: `${base}/cart/checkout`, methods: { POST: negotiated(submitOrder, 'json') } },
  {
    path: `${base}/cart/:cartItem`,
    methods: { DELETE: negotiated(removeFromCart), PUT: negotiated(changeCart, 'json') },
  },
];
