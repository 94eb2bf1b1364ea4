import type { ServiceNowRequest } from './call.ts';
import { type ApiVersion, checkSysId } from './names.ts';
import { buildRequest, type RequestOptions } from './requests.ts';

/** The Service Catalog API: catalogs, categories and items, the user's cart, and orders. */

export const catalogResources = ['catalogs', 'categories', 'items', 'cart'] as const;
export const catalogParts = ['categories', 'variables'] as const;
export const itemActions = ['order_now', 'add_to_cart', 'submit_producer'] as const;
export const cartActions = ['submit_order', 'checkout'] as const;

type CatalogRead = {
  readonly resource: (typeof catalogResources)[number];
  readonly sysId?: string | undefined;
  readonly part?: (typeof catalogParts)[number] | undefined;
};

/** `GET /servicecatalog/{resource}[/{sysId}[/{part}]]` */
export function readCatalogRequest(
  { resource, sysId, part }: CatalogRead,
  options: RequestOptions = {},
): ServiceNowRequest {
  const rest = sysId === undefined ? [] : [checkSysId(sysId), ...(part ? [part] : [])];
  return buildRequest('GET', catalogPath(options.version, resource, ...rest), 'read', options);
}

/** `POST /servicecatalog/items/{sysId}/{action}`: orders an item at once, or puts it into the user's cart. */
export function itemActionRequest(
  sysId: string,
  action: (typeof itemActions)[number],
  body: unknown,
  version?: ApiVersion,
): ServiceNowRequest {
  const path = catalogPath(version, 'items', checkSysId(sysId), action);
  return buildRequest('POST', path, 'never', {}, {}, body);
}

/** `POST /servicecatalog/cart/{action}`: orders what is in the user's cart. */
export function cartActionRequest(
  action: (typeof cartActions)[number],
  body: unknown,
  version?: ApiVersion,
): ServiceNowRequest {
  return buildRequest('POST', catalogPath(version, 'cart', action), 'never', {}, {}, body);
}

/** `DELETE /servicecatalog/cart/{sysId}`: takes a line out of the user's cart. */
export function removeFromCartRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return buildRequest('DELETE', catalogPath(version, 'cart', checkSysId(sysId)), 'never');
}

/** `PUT /servicecatalog/cart/{sysId}`: changes the quantity or the variables of a line of the user's cart. */
export function changeCartRequest(sysId: string, body: unknown, version?: ApiVersion): ServiceNowRequest {
  return buildRequest('PUT', catalogPath(version, 'cart', checkSysId(sysId)), 'never', {}, {}, body);
}

function catalogPath(version: ApiVersion | undefined, ...segments: readonly string[]): string {
  return ['/api/sn_sc', ...(version ? [version] : []), 'servicecatalog', ...segments].join('/');
}
