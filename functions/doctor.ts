import { doctorHandler } from '../lib/runtime.ts';

/**
 * Checks this deployment from inside: secret, network path to the instance, grant, clock, roles, tables, import prerequisites.
 *
 * Direct Invoke: `{ instance? }`. Answers `{ healthy, findings: [{ subject, state, found, todo? }] }`; writes nothing.
 */
export const handler = doctorHandler();
