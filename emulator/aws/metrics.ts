/** A metric by its name. */
export type MetricName = {
  readonly namespace: string;
  readonly name: string;
  /** By the name of the dimension. */
  readonly dimensions: Readonly<Record<string, string>>;
};

/** What a metric is now; undefined for one without data. */
export type Measure = (metric: MetricName) => number | undefined;
