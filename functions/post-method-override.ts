import { postMethodOverride } from '../lib/operations/method-override.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Takes a POST that stands for another method, on paths where a POST means nothing by itself.
 *
 * HTTP: `POST /api/now[/v1|/v2]/{table|stats|import|attachment}/…` with `X-HTTP-Method-Override`. Answers as the operation of that
 * method does; 403 unless the deployment's `methodOverrides` names the method.
 */
export const handler = keyedOperationHandler(postMethodOverride);
