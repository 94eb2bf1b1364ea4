import { type Connections, createConnections } from '../aws/connections.ts';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { silentLog } from '../core/log.ts';
import type { Surroundings } from './serve.ts';

let connections: Connections | undefined;

/**
 * The surroundings of a function in Lambda. Connections are made on the first call and serve all calls of the process; a
 * configuration that cannot be used is then the answer to each call, rather than a function that does not start.
 */
export const inThisProcess: Surroundings = {
  connect(instance) {
    connections ??= createConnections({ config: readConfig(), log: silentLog });
    return connections.connect(instance);
  },
  clock: systemClock,
  log: silentLog,
};
