import { postMethodOverride } from '../lib/operations/method-override.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Carries out the method named by `X-HTTP-Method-Override`, for a POST to a path that has no POST of its own.
 *
 * HTTP: `POST /api/now[/v1|/v2]/{table|stats|import|attachment}/…` with `X-HTTP-Method-Override`. Answers as the operation of that
 * method does; 403 unless the deployment's `methodOverrides` names the method.
 */
export const handler = keyedOperationHandler(postMethodOverride);
