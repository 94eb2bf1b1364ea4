import { deleteCartItem } from '../lib/operations/service-catalog.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Takes a line out of the cart.
 *
 * HTTP: `DELETE /api/sn_sc[/v1]/servicecatalog/cart/{sys_id}`. Answers 204 without a body.
 *
 * Direct Invoke: `{ sysId, instance? }`. Answers `{ result: null }`.
 */
export const handler = operationHandler(deleteCartItem);
