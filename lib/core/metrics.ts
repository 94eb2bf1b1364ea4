/** What is counted or timed. Names are stable: dashboards and alarms are built on them. */
export type MetricName =
  | 'Requests'
  | 'RequestFailures'
  | 'LatencyMs'
  | 'Retries'
  | 'Throttles'
  | 'Deduplicated'
  | 'DeferredByOutage'
  /** The old name of `DeferredByOutage`, still counted for one release. */
  | 'Parked'
  | 'TokenRefreshes'
  | 'SecretReads'
  | 'CredentialRejections'
  | 'DeadLetters'
  /** Imports that came to the end of their file. */
  | 'ImportsFinished'
  /** Imports that were stopped before it, or refused. */
  | 'ImportsStopped'
  /** Questions of the reconciler that a source or an instance did not answer. */
  | 'ReconcileFailures'
  | 'ColdStarts';

/** Where figures go: EMF lines in a function, a list in a test. */
export type Metrics = {
  /** Adds to a figure; `value` is 1 unless given. Names that end in `Ms` are milliseconds, all others are counts. */
  add(name: MetricName, value?: number): void;
};

/** Drops everything. */
export const silentMetrics: Metrics = { add() {} };
