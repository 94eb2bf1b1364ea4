import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import type { Measure } from '../metrics.ts';

const Dimension = z.object({ Name: z.string(), Value: z.string() });

export const GetMetricData = z.object({
  MetricDataQueries: z
    .array(
      z.object({
        Id: z.string().regex(/^[a-z][a-zA-Z0-9_]{0,254}$/),
        Label: z.string().optional(),
        MetricStat: z
          .object({
            Metric: z.object({
              Namespace: z.string(),
              MetricName: z.string(),
              Dimensions: z.array(Dimension).max(30).default([]),
            }),
            Period: z.int().min(1),
            Stat: z.string(),
          })
          .optional(),
      }),
    )
    .min(1)
    .max(500),
  StartTime: z.number(),
  EndTime: z.number(),
});

/**
 * The values of metrics. History is not kept: a metric has one value, for the period in which the time asked for ends.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
export function getMetricData(input: z.output<typeof GetMetricData>, measure: Measure): object {
  if (input.StartTime >= input.EndTime)
    throw new AwsError('ValidationError', 'The parameter StartTime must be less than the parameter EndTime');
  const results = input.MetricDataQueries.map(({ Id, Label, MetricStat }) => {
    if (!MetricStat)
      throw new AwsError('ValidationError', `${Id}: only MetricStat is supported here, no expression`);
    const { Metric, Period } = MetricStat;
    const dimensions = Object.fromEntries(Metric.Dimensions.map(({ Name, Value }) => [Name, Value]));
    const value = measure({ namespace: Metric.Namespace, name: Metric.MetricName, dimensions });
    const periodStart = Math.floor(input.EndTime / Period) * Period;
    return {
      Id,
      Label: Label ?? Metric.MetricName,
      Timestamps: value === undefined ? [] : [periodStart],
      Values: value === undefined ? [] : [value],
      StatusCode: 'Complete',
    };
  });
  return { MetricDataResults: results, Messages: [] };
}
