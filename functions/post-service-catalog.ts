import { postServiceCatalog } from '../lib/operations/service-catalog.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Orders an item at once, puts one into the cart, or orders the cart.
 *
 * HTTP: `POST /api/sn_sc[/v1]/servicecatalog/items/{sys_id}/{order_now|add_to_cart|submit_producer}` or
 * `…/cart/{submit_order|checkout}`, with the instance's own body. Answers 200 with `{ result }`.
 *
 * Direct Invoke: `{ sysId, action, record?, instance? }` or `{ cartAction, record?, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(postServiceCatalog);
