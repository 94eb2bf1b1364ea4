import { Metrics as EmfMetrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { MetricName, Metrics } from '../core/metrics.ts';

/** Metrics that are gathered during an invocation and written as one line in CloudWatch's embedded metric format. */
export type BufferedMetrics = Metrics & {
  /** Writes what has been gathered; call it at the end of every invocation. */
  flush(): void;
};

/**
 * CloudWatch charges for each metric and set of dimensions. So the metrics that an alarm or the dashboard uses have one dimension, the
 * deployment; the others are fields of the same line, for queries in the log.
 */
const billed: ReadonlySet<MetricName> = new Set<MetricName>([
  'Requests',
  'RequestFailures',
  'LatencyMs',
  'Throttles',
  'DeadLetters',
  'DeferredByOutage',
  'CredentialRejections',
  'ImportsFinished',
  'ImportsStopped',
]);

/**
 * @param deployment becomes the dimension `service`
 * @param functionName a field of every line
 */
export function createEmfMetrics(deployment: string, functionName: string): BufferedMetrics {
  const emf = new EmfMetrics({ namespace: 'servicenow-functions', serviceName: deployment });
  const fields = new Map<MetricName, number>();
  return {
    add(name, value = 1) {
      if (billed.has(name))
        emf.addMetric(name, name.endsWith('Ms') ? MetricUnit.Milliseconds : MetricUnit.Count, value);
      else fields.set(name, (fields.get(name) ?? 0) + value);
    },
    flush() {
      if (!emf.hasStoredMetrics()) return;
      emf.addMetadata('function', functionName);
      for (const [name, value] of fields) emf.addMetadata(name, String(value));
      fields.clear();
      emf.publishStoredMetrics();
    },
  };
}
