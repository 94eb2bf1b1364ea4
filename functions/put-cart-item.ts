import { putCartItem } from '../lib/operations/service-catalog.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Changes the quantity or the variables of a line of the cart.
 *
 * HTTP: `PUT /api/sn_sc[/v1]/servicecatalog/cart/{sys_id}` with `{ sysparm_quantity?, variables? }`. Answers 200 with the cart.
 *
 * Direct Invoke: `{ sysId, record?, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(putCartItem);
