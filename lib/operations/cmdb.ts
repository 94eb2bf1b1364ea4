import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import type { ServiceNowResponse } from '../servicenow/call.ts';
import {
  addRelationsRequest,
  createItemRequest,
  deleteRelationRequest,
  type ItemChange,
  itemRequest,
  listItemsRequest,
  updateItemRequest,
} from '../servicenow/cmdb.ts';
import { defineOperation, type OperationDeps } from './define-operation.ts';
import { apiVersion, pageParameters, sysId, tableName, toQuery } from './parameters.ts';
import { columns, orJsonText } from './record-input.ts';
import { pathNotAllowed } from './table-access.ts';

/**
 * The CMDB Instance API. A path may name a class above the item's own, so that the item is read first and its own class must be
 * allowed too. Relations are rows of `cmdb_rel_ci`: adding or removing them needs access to that table.
 */

const ofClass = '/cmdb/instance/{tableName}';
const ofItem = `${ofClass}/{sysId}`;
const relationTable = 'cmdb_rel_ci';

const ownClass = z.object({
  result: z.object({
    attributes: z.object({ sys_class_name: z.union([z.string(), z.object({ value: z.string() })]) }),
  }),
});

/** @throws TableNotAllowedError when the item is not surely of a class that callers may use */
function requireOwnClass({ body }: ServiceNowResponse, { access }: OperationDeps): void {
  if (access.tables === 'all') return;
  const { data } = z.safeParse(ownClass, body);
  if (data === undefined)
    throw pathNotAllowed('sys_class_name', 'the class of the item cannot be read; allow all tables');
  const { sys_class_name: name } = data.result.attributes;
  access.require(typeof name === 'string' ? name : name.value);
}

/** Reads the item before a write, where its class decides whether the write is allowed. */
async function checkOwnClass(table: string, id: string, deps: OperationDeps): Promise<void> {
  if (deps.access.tables === 'all') return;
  requireOwnClass(await deps.client.send(itemRequest(table, id), deps.context), deps);
}

/** Lists the items of a class by sys_id and name, or reads one item with its attributes and relations. Answers 200. */
export const getCmdbInstance = defineOperation({
  name: 'getCmdbInstance',
  routes: [
    { method: 'GET', path: ofClass },
    { method: 'GET', path: ofItem },
  ],
  schema: z.object({ tableName, sysId: z.optional(sysId), apiVersion, ...pageParameters }),
  request: ({ tableName: table, sysId: id, apiVersion: version, ...parameters }) =>
    id === undefined
      ? listItemsRequest(table, { version, parameters: toQuery(parameters) })
      : itemRequest(table, id, version),
  async send(request, { sysId: id }, deps) {
    const response = await deps.client.send(request, deps.context);
    if (id !== undefined) requireOwnClass(response, deps);
    return response;
  },
});

const relations = z.optional(z.array(columns, 'must be a list of { type, target }'));

const changeSchema = {
  tableName,
  apiVersion,
  attributes: z.optional(orJsonText(columns)),
  source: z.optional(z.string('must be text')),
  inboundRelations: relations,
  outboundRelations: relations,
};

const aliases = { inbound_relations: 'inboundRelations', outbound_relations: 'outboundRelations' };

function requireAttributes(change: ItemChange): ItemChange {
  if (change.attributes) return change;
  throw new InvalidInputError('attributes', 'required; a JSON object of column names and values');
}

/** The tables that a write needs: that of the class, and that of relations where it has any. */
function tablesOf(change: ItemChange & { readonly tableName: string }): readonly string[] {
  const hasRelations = change.inboundRelations ?? change.outboundRelations;
  return hasRelations ? [change.tableName, relationTable] : [change.tableName];
}

/** Creates an item, or updates the one that identification finds. Answers 201 with it. */
export const postCmdbInstance = defineOperation({
  name: 'postCmdbInstance',
  routes: [{ method: 'POST', path: ofClass }],
  body: 'parameters',
  schema: z.object(changeSchema),
  aliases,
  tables: tablesOf,
  request: ({ tableName: table, apiVersion: version, ...change }) =>
    createItemRequest(table, requireAttributes(change), version),
});

/** Changes the attributes of an item that are given, with PATCH as with PUT. Answers 200 with the item. */
export const patchCmdbInstance = defineOperation({
  name: 'patchCmdbInstance',
  routes: [
    { method: 'PATCH', path: ofItem },
    { method: 'PUT', path: ofItem },
  ],
  body: 'parameters',
  schema: z.object({ ...changeSchema, sysId }),
  aliases,
  tables: tablesOf,
  request: ({ tableName: table, sysId: id, apiVersion: version, ...change }) =>
    updateItemRequest(table, id, requireAttributes(change), version),
  async send(request, { tableName: table, sysId: id }, deps) {
    await checkOwnClass(table, id, deps);
    return deps.client.send(request, deps.context);
  },
});

/** Adds relations to an item. Answers 201 with the item. */
export const postCmdbRelation = defineOperation({
  name: 'postCmdbRelation',
  routes: [{ method: 'POST', path: `${ofItem}/relation` }],
  body: 'parameters',
  schema: z.object({ ...changeSchema, sysId }),
  aliases,
  tables: ({ tableName: table }) => [table, relationTable],
  request: ({ tableName: table, sysId: id, apiVersion: version, ...change }) =>
    addRelationsRequest(table, id, change, version),
  async send(request, { tableName: table, sysId: id }, deps) {
    await checkOwnClass(table, id, deps);
    return deps.client.send(request, deps.context);
  },
});

/** Removes one relation of an item. Answers 204 without a body, or 404. */
export const deleteCmdbRelation = defineOperation({
  name: 'deleteCmdbRelation',
  routes: [{ method: 'DELETE', path: `${ofItem}/relation/{relationSysId}` }],
  schema: z.object({ tableName, sysId, relationSysId: sysId, apiVersion }),
  tables: ({ tableName: table }) => [table, relationTable],
  request: ({ tableName: table, sysId: id, relationSysId, apiVersion: version }) =>
    deleteRelationRequest(table, id, relationSysId, version),
  async send(request, { tableName: table, sysId: id }, deps) {
    await checkOwnClass(table, id, deps);
    return deps.client.send(request, deps.context);
  },
});
