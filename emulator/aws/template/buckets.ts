import * as z from 'zod';

export type Bucket = {
  readonly name: string;
  readonly versioned: boolean;
  readonly notifications: readonly BucketNotification[];
};

/** Objects whose key starts with `prefix` and ends with `suffix` are told to the queue. */
export type BucketNotification = {
  /** e.g. `s3:ObjectCreated:*`. */
  readonly event: string;
  readonly queueArn: string;
  readonly prefix: string;
  readonly suffix: string;
};

const rulesSchema = z.array(z.object({ Name: z.string(), Value: z.string() }));

const queueConfigurationSchema = z.object({
  Event: z.string(),
  Queue: z.string(),
  Filter: z.object({ S3Key: z.object({ Rules: rulesSchema }) }).optional(),
});

const schema = z.object({
  VersioningConfiguration: z.object({ Status: z.string() }).optional(),
  NotificationConfiguration: z
    .object({ QueueConfigurations: z.array(queueConfigurationSchema).default([]) })
    .default({ QueueConfigurations: [] }),
});

/** Reads the resolved properties of an AWS::S3::Bucket. */
export function bucket(name: string, properties: unknown): Bucket {
  const { VersioningConfiguration, NotificationConfiguration } = schema.parse(properties);
  return {
    name,
    versioned: VersioningConfiguration?.Status === 'Enabled',
    notifications: NotificationConfiguration.QueueConfigurations.map(({ Event, Queue, Filter }) => ({
      event: Event,
      queueArn: Queue,
      prefix: filterRule(Filter?.S3Key.Rules ?? [], 'prefix'),
      suffix: filterRule(Filter?.S3Key.Rules ?? [], 'suffix'),
    })),
  };
}

function filterRule(rules: z.infer<typeof rulesSchema>, name: string): string {
  return rules.find((rule) => rule.Name.toLowerCase() === name)?.Value ?? '';
}
