import { Metrics as EmfMetrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Metrics } from '../core/metrics.ts';

/** Metrics that are gathered during an invocation and written as one line in CloudWatch's embedded metric format. */
export type BufferedMetrics = Metrics & {
  /** Writes what has been gathered; call it at the end of every invocation. */
  flush(): void;
};

/** @param service becomes the dimension `service` */
export function createEmfMetrics(service: string): BufferedMetrics {
  const emf = new EmfMetrics({ namespace: 'servicenow-functions', serviceName: service });
  return {
    add(name, value = 1) {
      emf.addMetric(name, name.endsWith('Ms') ? MetricUnit.Milliseconds : MetricUnit.Count, value);
    },
    flush() {
      if (emf.hasStoredMetrics()) emf.publishStoredMetrics();
    },
  };
}
