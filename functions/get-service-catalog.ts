import { getServiceCatalog } from '../lib/operations/service-catalog.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Reads catalogs, categories, items and the cart.
 *
 * HTTP: `GET /api/sn_sc[/v1]/servicecatalog/{catalogs|categories|items|cart}[/{sys_id}[/{categories|variables}]]` as on an instance.
 * Answers 200 with `{ result }`.
 *
 * Direct Invoke: `{ resource, sysId?, part?, sysparmText?, sysparmCatalog?, sysparmCategory?, sysparmLimit?, sysparmOffset?, instance? }`.
 * Answers `{ result, totalCount? }`.
 */
export const handler = operationHandler(getServiceCatalog);
