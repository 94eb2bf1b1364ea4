import { stringifyValue } from '../fields/input.ts';
import { Projection } from '../fields/projection.ts';
import { type FieldValue, Viewer } from '../fields/shape.ts';
import type { Answer, Exchange } from '../http/exchange.ts';
import { Failure, invalidTable, noRecordFound } from '../http/failure.ts';
import type { Row } from '../row.ts';
import type { InstanceState } from '../state.ts';
import { isObject, readObject, unreadable } from './import/request.ts';
import { type Action, negotiated, type Route } from './router.ts';
import { pageHeaders } from './table/page-headers.ts';
import { readCondition, readParameters, tableUrl } from './table/request.ts';

// The CMDB Instance API and the CMDB Meta API (ServiceNow docs, "CMDB Instance API", "CMDB Meta API").

type Direction = 'inbound' | 'outbound';

/** Which end of a relation the item is, and which the other. */
const ends = {
  inbound: { own: 'child', other: 'parent' },
  outbound: { own: 'parent', other: 'child' },
} as const;

/** The class that the path names. @throws Failure 400 for a table outside the CMDB. */
function classOf({ segments, user }: Exchange, { schema, auth }: InstanceState): string {
  const name = segments[2] ?? '';
  if (!schema.ancestry(name).some((table) => table.name === 'cmdb_ci')) throw invalidTable(name);
  auth.access.requireApi(user, name);
  return name;
}

/** The item that the path names, as its real class has it. @throws Failure 404 */
function itemOf(exchange: Exchange, state: InstanceState): { table: string; row: Row } {
  const asked = classOf(exchange, state);
  const sysId = exchange.segments[3] ?? '';
  const table = state.store.classOf(asked, sysId);
  const row = table === undefined ? undefined : state.store.find(table, sysId);
  if (table === undefined || !row || !state.auth.access.may(exchange.user, 'read', table, row))
    throw noRecordFound();
  return { table, row };
}

/** GET: sys_id and name of the items of a class. */
const listItems: Action = (exchange, state) => {
  const table = classOf(exchange, state);
  const { where, params, orderBy } = readCondition(exchange, state, table);
  const parameters = readParameters(exchange);
  const { limit, offset } = parameters;
  const rows = state.store.select(table, { where, params, orderBy, limit, offset });
  const seen = state.auth.access.readable(exchange.user, table, rows);
  const { prevBelowStart } = state.switches;
  return {
    status: 200,
    headers: pageHeaders(
      exchange.url,
      { ...parameters, prevBelowStart },
      state.store.count(table, { where, params }),
    ),
    json: { result: seen.map(({ sys_id = '', name = '' }) => ({ sys_id, name })) },
  };
};

/** GET: an item with its attributes and relations. */
const getItem: Action = (exchange, state) => {
  const { table, row } = itemOf(exchange, state);
  return { status: 200, json: { result: describe(exchange, state, table, row) } };
};

function describe(exchange: Exchange, state: InstanceState, table: string, row: Row) {
  const presentation = { mode: 'all', excludeReferenceLink: false, tableUrl: tableUrl(exchange) } as const;
  const viewer = new Viewer(state.store, exchange.user);
  const projected = new Projection(state.schema, table, undefined).project(viewer, presentation, row);
  return {
    attributes: Object.fromEntries(
      Object.entries(projected).map(([name, value]) => [name, attribute(value)]),
    ),
    inbound_relations: relationsOf('inbound', exchange, state, row),
    outbound_relations: relationsOf('outbound', exchange, state, row),
  };
}

/** A reference keeps its link and display value; of every other column only the value is shown. */
function attribute(value: FieldValue): FieldValue {
  if (typeof value !== 'object' || value === null) return value;
  return 'link' in value ? value : (value['value'] ?? '');
}

function relationsOf(direction: Direction, exchange: Exchange, { store }: InstanceState, row: Row) {
  const { own, other } = ends[direction];
  const relations = store.select('cmdb_rel_ci', { where: `t0."${own}" = ?`, params: [row['sys_id'] ?? ''] });
  const shown = (table: string, sysId: string) => ({
    display_value: store.find(table, sysId)?.['name'] ?? '',
    link: `${tableUrl(exchange)}/${table}/${sysId}`,
    value: sysId,
  });
  return relations.map((relation) => ({
    sys_id: relation['sys_id'] ?? '',
    type: shown('cmdb_rel_type', relation['type'] ?? ''),
    target: shown('cmdb_ci', relation[other] ?? ''),
  }));
}

/** POST: a new item of a class, with its relations. */
const createItem: Action = (exchange, state) => {
  const table = classOf(exchange, state);
  state.auth.access.require(exchange.user, 'create', table);
  const body = readObject(exchange.body);
  return state.store.transaction((): Answer => {
    const row = state.store.insert(table, attributesIn(body, table, state), exchange.user);
    addRelations(body, exchange, state, row['sys_id'] ?? '');
    const Location = `${exchange.url.origin}${exchange.url.pathname}/${row['sys_id']}`;
    return { status: 201, headers: { Location }, json: { result: describe(exchange, state, table, row) } };
  });
};

/** PUT and PATCH: changes the attributes that are given. */
const updateItem: Action = (exchange, state) => {
  const { table, row } = itemOf(exchange, state);
  state.auth.access.require(exchange.user, 'write', table, row);
  const { sys_id: _, ...values } = attributesIn(readObject(exchange.body), table, state);
  const updated = state.store.update(table, row['sys_id'] ?? '', values, exchange.user);
  return { status: 200, json: { result: describe(exchange, state, table, updated?.row ?? row) } };
};

/** POST: adds relations to an item. */
const addItemRelations: Action = (exchange, state) => {
  const { table, row } = itemOf(exchange, state);
  state.auth.access.require(exchange.user, 'write', table, row);
  const body = readObject(exchange.body);
  state.store.transaction(() => addRelations(body, exchange, state, row['sys_id'] ?? ''));
  return { status: 201, json: { result: describe(exchange, state, table, row) } };
};

/** DELETE: removes one relation of an item. */
const removeItemRelation: Action = (exchange, state) => {
  const { table, row } = itemOf(exchange, state);
  state.auth.access.require(exchange.user, 'write', table, row);
  if (!state.store.remove('cmdb_rel_ci', exchange.segments[5] ?? '')) throw noRecordFound();
  return { status: 204 };
};

/** @throws Failure 400 without `attributes`. */
function attributesIn(body: Record<string, unknown>, table: string, { schema }: InstanceState): Row {
  const given = body['attributes'];
  if (!isObject(given)) throw unreadable('The payload has no object "attributes"');
  const known = Object.entries(given).filter(
    ([name]) => schema.column(table, name) && (!name.startsWith('sys_') || name === 'sys_id'),
  );
  return Object.fromEntries(known.map(([name, value]) => [name, stringifyValue(value)]));
}

/** @throws Failure 400 for a relation whose type or target does not exist. */
function addRelations(
  body: Record<string, unknown>,
  { user }: Exchange,
  { store }: InstanceState,
  sysId: string,
): void {
  for (const direction of ['inbound', 'outbound'] as const) {
    const given = body[`${direction}_relations`];
    for (const relation of Array.isArray(given) ? given.filter(isObject) : []) {
      const type = stringifyValue(relation['type']);
      const target = stringifyValue(relation['target']);
      if (!store.find('cmdb_rel_type', type) || !store.find('cmdb_ci', target))
        throw new Failure(400, 'Invalid relation', `${direction} relation of type ${type} to ${target}`);
      const { own, other } = ends[direction];
      store.insert('cmdb_rel_ci', { type, [own]: sysId, [other]: target }, user);
    }
  }
}

/** GET: what a class is, and its attributes. */
const describeClass: Action = (exchange, state) => {
  const name = classOf(exchange, state);
  const { schema } = state;
  const table = schema.table(name);
  const own = new Set(table?.columns.map((column) => column.name));
  return {
    status: 200,
    json: {
      result: {
        name,
        label: table?.label ?? name,
        parent: table?.parent ?? '',
        is_extendable: String(schema.descendants(name).length > 1),
        children: schema.tables().flatMap((child) => (child.parent === name ? [child.name] : [])),
        attributes: schema.columns(name).map((column) => ({
          element: column.name,
          label: column.label,
          type: column.kind,
          max_length: String(column.maxLength),
          default_value: column.defaultValue ?? null,
          is_mandatory: String(column.mandatory ?? false),
          is_inherited: String(!own.has(column.name)),
          is_display: String(schema.displayColumn(name) === column.name),
          ...(column.reference !== undefined && { reference: column.reference }),
        })),
        relationship_rules: [],
      },
    },
  };
};

export const cmdbRoutes: readonly Route[] = [
  {
    path: 'cmdb/instance/:class',
    methods: { GET: negotiated(listItems), POST: negotiated(createItem, 'json') },
  },
  {
    path: 'cmdb/instance/:class/:sysId',
    methods: {
      GET: negotiated(getItem),
      PUT: negotiated(updateItem, 'json'),
      PATCH: negotiated(updateItem, 'json'),
    },
  },
  { path: 'cmdb/instance/:class/:sysId/relation', methods: { POST: negotiated(addItemRelations, 'json') } },
  {
    path: 'cmdb/instance/:class/:sysId/relation/:relation',
    methods: { DELETE: negotiated(removeItemRelation) },
  },
  { path: 'cmdb/meta/:class', methods: { GET: negotiated(describeClass) } },
];
