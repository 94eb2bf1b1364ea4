import { createConnections } from '../aws/connections.ts';
import { createTelemetry } from '../aws/telemetry.ts';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { identityBy } from '../operations/identity.ts';
import type { Surroundings } from './serve.ts';

const config = readConfig();
const telemetry = createTelemetry(config);

/** The surroundings of a function in Lambda, made once per process: its invocations share sockets, tokens and limits. */
export const inThisProcess: Surroundings = {
  ...telemetry,
  connect: createConnections({ config, ...telemetry }).connect,
  identityOf: identityBy(config.records.correlationIdTables),
  clock: systemClock,
};
