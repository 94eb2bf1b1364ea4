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

/** Reads the resolved properties of an AWS::SQS::Queue, its name being the end of its ARN; `policy` is that of its AWS::SQS::QueuePolicy. */
export function queue(arn: string, url: string, properties: unknown, policy?: string): Queue {
  const attributes = Object.entries(z.record(z.string(), z.unknown()).parse(properties))
    .filter(([name]) => attributeNames.has(name))
    .map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  return {
    name: arn.slice(arn.lastIndexOf(':') + 1),
    arn,
    url,
    attributes: { ...Object.fromEntries(attributes), ...(policy !== undefined && { Policy: policy }) },
  };
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

export type Bucket = {
  readonly name: string;
  readonly versioned: boolean;
  /** Undefined where the template says nothing. */
  readonly encryption: { readonly algorithm: string; readonly kmsKey: string } | undefined;
  readonly notifications: readonly BucketNotification[];
};

/** Objects whose key starts with `prefix` and ends with `suffix` are reported to the queue. */
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

const encryptionSchema = z.object({ SSEAlgorithm: z.string(), KMSMasterKeyID: z.string().optional() });
const encryptionRuleSchema = z.object({ ServerSideEncryptionByDefault: encryptionSchema });

const bucketSchema = z.object({
  BucketEncryption: z
    .object({ ServerSideEncryptionConfiguration: z.tuple([encryptionRuleSchema]) })
    .optional(),
  VersioningConfiguration: z.object({ Status: z.string() }).optional(),
  NotificationConfiguration: z
    .object({ QueueConfigurations: z.array(queueConfigurationSchema).default([]) })
    .default({ QueueConfigurations: [] }),
});

/** Reads the resolved properties of an AWS::S3::Bucket. */
export function bucket(name: string, properties: unknown): Bucket {
  const { VersioningConfiguration, NotificationConfiguration, BucketEncryption } =
    bucketSchema.parse(properties);
  const encryption = BucketEncryption?.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault;
  return {
    name,
    encryption: encryption && {
      algorithm: encryption.SSEAlgorithm,
      kmsKey: encryption.KMSMasterKeyID ?? '',
    },
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

const keySchema = z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) });
const projectionSchema = z.object({
  ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
  NonKeyAttributes: z.array(z.string()).optional(),
});
const indexSchema = z.object({
  IndexName: z.string(),
  KeySchema: z.array(keySchema),
  Projection: projectionSchema,
});

const tableSchema = z.object({
  AttributeDefinitions: z.array(
    z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) }),
  ),
  KeySchema: z.array(keySchema),
  GlobalSecondaryIndexes: z.array(indexSchema).optional(),
  LocalSecondaryIndexes: z.array(indexSchema).optional(),
  TimeToLiveSpecification: z.object({ AttributeName: z.string(), Enabled: z.boolean() }).optional(),
});

type Definition = Omit<z.infer<typeof tableSchema>, 'TimeToLiveSpecification'>;

/** A DynamoDB table. Capacity, encryption, recovery and tags have no effect on one machine. */
export type Table = Definition & {
  readonly name: string;
  /** The attribute that holds when an item expires, in seconds since the epoch. */
  readonly timeToLiveAttribute?: string;
};

/** Reads the resolved properties of an AWS::DynamoDB::Table. */
export function table(name: string, properties: unknown): Table {
  const { TimeToLiveSpecification: timeToLive, ...definition } = tableSchema.parse(properties);
  return {
    name,
    ...definition,
    ...(timeToLive?.Enabled && { timeToLiveAttribute: timeToLive.AttributeName }),
  };
}

const routeSchema = z.object({
  RouteKey: z.string(),
  Target: z.string(),
  AuthorizationType: z.string().default('NONE'),
});

const integrationSchema = z.object({
  IntegrationUri: z.string(),
  TimeoutInMillis: z.coerce.number().default(30_000),
});

/** One route of the HTTP API. */
export type HttpRoute = {
  readonly method: string;
  /** e.g. `/api/now/table/{tableName}`. */
  readonly path: string;
  readonly functionArn: string;
  readonly integrationTimeoutMs: number;
  /** What a deployment asks for: `AWS_IAM`, `JWT` or `NONE`. */
  readonly authorizationType: string;
};

/**
 * Reads the resolved properties of an AWS::ApiGatewayV2::Route.
 * @param integrations the properties of the integrations, by logical id
 * @throws Error for a route that leads nowhere
 */
export function httpRoute(properties: unknown, integrations: ReadonlyMap<string, unknown>): HttpRoute {
  const { RouteKey, Target, AuthorizationType } = routeSchema.parse(properties);
  const { data: integration } = integrationSchema.safeParse(
    integrations.get(Target.replace('integrations/', '')),
  );
  if (integration === undefined)
    throw new Error(`Route ${RouteKey}: its target ${Target} is not in the template`);
  const [method = '', path = ''] = RouteKey.split(' ');
  return {
    method,
    path,
    functionArn: integration.IntegrationUri,
    integrationTimeoutMs: integration.TimeoutInMillis,
    authorizationType: AuthorizationType,
  };
}
