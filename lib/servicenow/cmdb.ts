import type { ServiceNowRequest } from './call.ts';
import type { EncodedQuery } from './encoded-query.ts';
import { type ApiVersion, checkSysId, checkTableName } from './names.ts';
import { apiPath, buildRequest, type RequestOptions } from './requests.ts';

/** The CMDB Instance API: items of a class with their attributes and relations, through identification and reconciliation. */

/** `GET /cmdb/instance/{class}`: sys_id and name of the items of a class. */
export function listItemsRequest(
  table: string,
  options: RequestOptions & { readonly query?: EncodedQuery | string | undefined } = {},
): ServiceNowRequest {
  return buildRequest('GET', pathOf(table, options.version), 'read', options, {
    query: options.query?.toString(),
  });
}

/** `GET /cmdb/instance/{class}/{sysId}`: an item with its attributes and relations. */
export function itemRequest(table: string, sysId: string, version?: ApiVersion): ServiceNowRequest {
  return buildRequest('GET', pathOf(table, version, checkSysId(sysId)), 'read');
}

/** What a write to an item says. */
export type ItemChange = {
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** The discovery source, e.g. `ServiceNow`, by which the instance decides whose values count. */
  readonly source?: string | undefined;
  readonly inboundRelations?: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly outboundRelations?: readonly Readonly<Record<string, unknown>>[] | undefined;
};

/** `POST /cmdb/instance/{class}` */
export function createItemRequest(
  table: string,
  change: ItemChange,
  version?: ApiVersion,
): ServiceNowRequest {
  return buildRequest('POST', pathOf(table, version), 'never', {}, {}, bodyOf(change));
}

/** `PATCH /cmdb/instance/{class}/{sysId}`: changes the attributes that are given. */
export function updateItemRequest(
  table: string,
  sysId: string,
  change: ItemChange,
  version?: ApiVersion,
): ServiceNowRequest {
  const path = pathOf(table, version, checkSysId(sysId));
  return buildRequest('PATCH', path, 'never', {}, {}, bodyOf(change));
}

/** `POST /cmdb/instance/{class}/{sysId}/relation`: adds relations to an item. */
export function addRelationsRequest(
  table: string,
  sysId: string,
  change: ItemChange,
  version?: ApiVersion,
): ServiceNowRequest {
  const path = pathOf(table, version, checkSysId(sysId), 'relation');
  return buildRequest('POST', path, 'never', {}, {}, bodyOf(change));
}

/** `DELETE /cmdb/instance/{class}/{sysId}/relation/{relationSysId}` */
export function deleteRelationRequest(
  table: string,
  sysId: string,
  relationSysId: string,
  version?: ApiVersion,
): ServiceNowRequest {
  const relation = checkSysId(relationSysId, 'relationSysId');
  return buildRequest('DELETE', pathOf(table, version, checkSysId(sysId), 'relation', relation), 'never');
}

function pathOf(table: string, version: ApiVersion | undefined, ...rest: readonly string[]): string {
  return apiPath(version, 'cmdb', 'instance', checkTableName(table), ...rest);
}

/** What is not given is undefined here, and absent in the JSON. */
function bodyOf({ inboundRelations, outboundRelations, ...rest }: ItemChange) {
  return { ...rest, inbound_relations: inboundRelations, outbound_relations: outboundRelations };
}
