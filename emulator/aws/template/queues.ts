import * as z from 'zod';

/** A queue; `attributes` are named and spelt as SetQueueAttributes takes them. */
export type Queue = {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly attributes: Readonly<Record<string, string>>;
};

/** A queue that a function is fed from. */
export type EventSourceMapping = {
  readonly queueArn: string;
  readonly functionArn: string;
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  readonly reportBatchItemFailures: boolean;
  /** How many copies of the function run at once at most. */
  readonly maximumConcurrency?: number;
};

const attributeNames = new Set([
  'DelaySeconds',
  'VisibilityTimeout',
  'MessageRetentionPeriod',
  'MaximumMessageSize',
  'ReceiveMessageWaitTimeSeconds',
  'SqsManagedSseEnabled',
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
  'RedrivePolicy',
  'RedriveAllowPolicy',
]);

const mappingSchema = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  BatchSize: z.coerce.number().default(10),
  MaximumBatchingWindowInSeconds: z.coerce.number().default(0),
  Enabled: z.boolean().default(true),
  FunctionResponseTypes: z.array(z.string()).default([]),
  ScalingConfig: z.object({ MaximumConcurrency: z.coerce.number() }).optional(),
});

/** Reads the resolved properties of an AWS::SQS::Queue. */
export function queue(arn: string, url: string, properties: unknown): Queue {
  const { QueueName, ...rest } = z.looseObject({ QueueName: z.string() }).parse(properties);
  const attributes = Object.entries(rest)
    .filter(([name]) => attributeNames.has(name))
    .map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  return { name: QueueName, arn, url, attributes: Object.fromEntries(attributes) };
}

/** Reads the resolved properties of an AWS::Lambda::EventSourceMapping; nothing for one that is switched off. */
export function eventSourceMapping(properties: unknown): EventSourceMapping[] {
  const mapping = mappingSchema.parse(properties);
  if (!mapping.Enabled) return [];
  return [
    {
      queueArn: mapping.EventSourceArn,
      functionArn: mapping.FunctionName,
      batchSize: mapping.BatchSize,
      batchingWindowSeconds: mapping.MaximumBatchingWindowInSeconds,
      reportBatchItemFailures: mapping.FunctionResponseTypes.includes('ReportBatchItemFailures'),
      ...(mapping.ScalingConfig && { maximumConcurrency: mapping.ScalingConfig.MaximumConcurrency }),
    },
  ];
}
