import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics as EmfMetrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Config } from '../core/config.ts';
import { currentLogFields, type Log, type LogFields } from '../core/log.ts';
import type { MetricName, Metrics } from '../core/metrics.ts';
import { processRedactor, type Redactor } from '../core/redaction.ts';

/** Where a function's events and figures go. */
export type Telemetry = { readonly log: Log; readonly metrics: BufferedMetrics };

/** Log and metrics of one function; make them at module scope. Counts the cold start. */
export function createTelemetry(config: Config): Telemetry {
  const log = createJsonLog({ service: config.functionName });
  const { deployment, functionName, metrics: choice } = config;
  const metrics = createEmfMetrics({ deployment, functionName, choice }, log);
  metrics.add('ColdStarts');
  return { log, metrics };
}

export type LogOptions = {
  /** Shown in every line. */
  readonly service: string;
  /** @default the level that Lambda is configured with, INFO without one */
  readonly level?: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  readonly redactor?: Redactor;
};

/**
 * A log that writes one JSON line per event to standard output, where Lambda takes it from. Secrets that the redactor
 * knows are cut out of every string, regardless of its source.
 */
export function createJsonLog({ service, level, redactor = processRedactor }: LogOptions): Log {
  const logger = new Logger({
    serviceName: service,
    ...(level ? { logLevel: level } : {}),
    jsonReplacerFn: (_key, value) => (typeof value === 'string' ? redactor.redact(value) : value),
  });
  const line = (message: string, fields: LogFields = {}) => ({ ...currentLogFields(), ...fields, message });
  return {
    debug: (event, fields) => logger.debug(line(event, fields)),
    info: (event, fields) => logger.info(line(event, fields)),
    warn: (event, fields) => logger.warn(line(event, fields)),
    error: (event, fields) => logger.error(line(event, fields)),
  };
}

/** Metrics that are gathered during an invocation and written as one line in CloudWatch's embedded metric format. */
export type BufferedMetrics = Metrics & {
  /** Writes what has been gathered; call it at the end of every invocation. */
  flush(): void;
};

/** The metrics that alarms are built on. */
const ofAlarms: readonly MetricName[] = [
  'CredentialRejections',
  'DeferredByOutage',
  'ImportsStopped',
  'ReconcileFailures',
  // The old name of DeferredByOutage, for alarms that were built on it; the next release leaves it out.
  'Parked',
];

/** Stands in the lines that have a metric under its old name. */
const deprecated = 'the metric Parked is now DeferredByOutage; the next release writes only that';

/** What the dashboard shows beyond that. Calls are in the log anyway, each with its time and its outcome. */
const ofDashboard: readonly MetricName[] = [
  'Requests',
  'RequestFailures',
  'LatencyMs',
  'Throttles',
  'ImportsFinished',
];

/** Figures that a line of their own would only repeat. */
const inLinesOfCalls: readonly MetricName[] = ['Requests', 'RequestFailures', 'LatencyMs'];

/**
 * CloudWatch charges for each metric and set of dimensions, and for each byte of the log. So metrics have one dimension, the deployment,
 * and other counters are log fields: of the same line, or of a line of their own in an invocation that counted something unusual.
 * @param deployment becomes the dimension `service`
 * @param functionName a field of every line
 * @param log takes the figures of an invocation without metrics
 */
export function createEmfMetrics(
  { deployment, functionName, choice }: EmfOptions,
  log: Pick<Log, 'info'>,
): BufferedMetrics {
  const emf = new EmfMetrics({ namespace: 'servicenow-functions', serviceName: deployment });
  const fields = new Map<MetricName, number>();
  const isMetric = (name: MetricName) =>
    ofAlarms.includes(name) || (choice === 'all' && ofDashboard.includes(name));
  return {
    add(name, value = 1) {
      if (name === 'Parked') emf.addMetadata('deprecated', deprecated);
      if (isMetric(name))
        emf.addMetric(name, name.endsWith('Ms') ? MetricUnit.Milliseconds : MetricUnit.Count, value);
      else if (!inLinesOfCalls.includes(name)) fields.set(name, (fields.get(name) ?? 0) + value);
    },
    flush() {
      if (emf.hasStoredMetrics()) {
        emf.addMetadata('function', functionName);
        for (const [name, value] of fields) emf.addMetadata(name, String(value));
        emf.publishStoredMetrics();
      } else if (fields.size > 0) log.info('figures', Object.fromEntries(fields));
      fields.clear();
    },
  };
}

type EmfOptions = {
  readonly deployment: string;
  readonly functionName: string;
  readonly choice: Config['metrics'];
};
