import type { Config } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import { type BufferedMetrics, createEmfMetrics } from './emf-metrics.ts';
import { createJsonLog } from './json-log.ts';

/** Where a function's events and figures go. */
export type Telemetry = { readonly log: Log; readonly metrics: BufferedMetrics };

/** Log and metrics of one function; make them at module scope. Counts the cold start. */
export function createTelemetry(config: Config): Telemetry {
  const log = createJsonLog({ service: config.functionName });
  const metrics = createEmfMetrics(config.deployment, config.functionName);
  metrics.add('ColdStarts');
  return { log, metrics };
}
