import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import {
  cartActionRequest,
  cartActions,
  catalogParts,
  catalogResources,
  changeCartRequest,
  itemActionRequest,
  itemActions,
  readCatalogRequest,
  removeFromCartRequest,
} from '../servicenow/service-catalog.ts';
import { defineOperation } from './define-operation.ts';
import { apiVersion, pageParameters, sysId, toQuery } from './parameters.ts';
import { columns, orJsonText, type RecordColumns } from './record-input.ts';

/**
 * The Service Catalog API. It names no table, so that each call needs those that it reads or writes. There is one cart, that of the
 * integration user: callers who share a deployment share it.
 */

const namespace = 'sn_sc';

const tablesOfResource = {
  catalogs: ['sc_catalog'],
  categories: ['sc_category'],
  items: ['sc_cat_item'],
  cart: ['sc_cart_item'],
} as const;

const oneOf = <const T extends string>(words: readonly [T, ...T[]]) =>
  z.enum(words, `one of ${words.join(', ')}`);
const text = z.optional(z.string('must be text'));

/** Reads catalogs, categories, items and the cart. Answers 200. */
export const getServiceCatalog = defineOperation({
  name: 'getServiceCatalog',
  routes: [
    { method: 'GET', namespace, path: '/servicecatalog/{resource}' },
    { method: 'GET', namespace, path: '/servicecatalog/{resource}/{sysId}' },
    { method: 'GET', namespace, path: '/servicecatalog/{resource}/{sysId}/{part}' },
  ],
  schema: z.object({
    resource: z.enum(catalogResources, `required; one of ${catalogResources.join(', ')}`),
    sysId: z.optional(sysId),
    part: z.optional(oneOf(catalogParts)),
    apiVersion,
    ...pageParameters,
    sysparmText: text,
    sysparmCatalog: text,
    sysparmCategory: text,
    sysparmType: text,
    sysparmTopLevelOnly: text,
  }),
  tables: ({ resource, part }) => [
    ...tablesOfResource[resource],
    ...(part === 'categories' ? tablesOfResource.categories : []),
  ],
  request: ({ resource, sysId: id, part, apiVersion: version, ...parameters }) =>
    readCatalogRequest({ resource, sysId: id, part }, { version, parameters: toQuery(parameters) }),
});

const tablesOfAction = {
  order_now: ['sc_cat_item', 'sc_request'],
  add_to_cart: ['sc_cat_item', 'sc_cart_item'],
  submit_producer: ['sc_cat_item'],
  submit_order: ['sc_cart_item', 'sc_request'],
  checkout: ['sc_cart_item', 'sc_request'],
} as const;

/** Orders an item at once, puts one into the cart, or orders the cart. Answers 200. */
export const postServiceCatalog = defineOperation({
  name: 'postServiceCatalog',
  routes: [
    { method: 'POST', namespace, path: '/servicecatalog/items/{sysId}/{action}' },
    { method: 'POST', namespace, path: '/servicecatalog/cart/{cartAction}' },
  ],
  body: 'optional-record',
  schema: z.object({
    sysId: z.optional(sysId),
    action: z.optional(oneOf(itemActions)),
    cartAction: z.optional(oneOf(cartActions)),
    record: z.optional(orJsonText(columns)),
    apiVersion,
  }),
  tables: ({ action, cartAction }) => {
    const meant = action ?? cartAction;
    return meant === undefined ? [] : tablesOfAction[meant];
  },
  request({ sysId: id, action, cartAction, record, apiVersion: version }) {
    const body = bodyOf(record);
    if (cartAction !== undefined && action === undefined) return cartActionRequest(cartAction, body, version);
    if (id !== undefined && action !== undefined && cartAction === undefined)
      return itemActionRequest(id, action, body, version);
    throw new InvalidInputError('action', 'required; with a sysId, or cartAction without both');
  },
});

function bodyOf(record: RecordColumns | undefined): RecordColumns | undefined {
  return record === undefined || Object.keys(record).length === 0 ? undefined : record;
}

/** Changes the quantity or the variables of a line of the cart. Answers 200 with the cart, or 404. */
export const putCartItem = defineOperation({
  name: 'putCartItem',
  routes: [{ method: 'PUT', namespace, path: '/servicecatalog/cart/{sysId}' }],
  body: 'optional-record',
  schema: z.object({ sysId, record: z.optional(orJsonText(columns)), apiVersion }),
  tables: () => tablesOfResource.cart,
  request: ({ sysId: id, record, apiVersion: version }) => changeCartRequest(id, bodyOf(record), version),
});

/** Takes a line out of the cart. Answers 204 without a body, or 404. */
export const deleteCartItem = defineOperation({
  name: 'deleteCartItem',
  routes: [{ method: 'DELETE', namespace, path: '/servicecatalog/cart/{sysId}' }],
  schema: z.object({ sysId, apiVersion }),
  tables: () => tablesOfResource.cart,
  request: (parameters) => removeFromCartRequest(parameters.sysId, parameters.apiVersion),
});
