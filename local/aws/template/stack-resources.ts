import * as z from 'zod';
import { createResolver, type Surroundings } from './resolve.ts';
import { readTemplate, type Template } from './template.ts';

const text = z.coerce.string();
const number = z.coerce.number();

const functionSchema = z.object({
  FunctionName: z.string(),
  Handler: z.string(),
  Runtime: z.string(),
  Code: z.object({ S3Key: z.string() }),
  MemorySize: number.default(128),
  Timeout: number.default(3),
  Environment: z.object({ Variables: z.record(z.string(), text) }).default({ Variables: {} }),
  DurableConfig: z.object({ ExecutionTimeout: number, RetentionPeriodInDays: number.optional() }).optional(),
});

/** A function of the template, all references resolved. */
export type LambdaFunction = {
  /** Its key in serverless.yml, e.g. `getRecords`: the name of its zip. */
  readonly key: string;
  readonly functionName: string;
  readonly arn: string;
  /** e.g. `dist/getRecords/index.handler`. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Only for a durable function. */
  readonly durable?: { readonly executionTimeoutSeconds: number };
};

const routeSchema = z.object({
  RouteKey: z.string(),
  Target: z.string(),
  AuthorizationType: z.string().default('NONE'),
});

const integrationSchema = z.object({
  IntegrationUri: z.string(),
  TimeoutInMillis: number.default(30_000),
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

/** A queue; `attributes` are named and spelt as SetQueueAttributes takes them. */
export type Queue = {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly attributes: Readonly<Record<string, string>>;
};

const mappingSchema = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  BatchSize: number.default(10),
  MaximumBatchingWindowInSeconds: number.default(0),
  Enabled: z.boolean().default(true),
  FunctionResponseTypes: z.array(z.string()).default([]),
  ScalingConfig: z.object({ MaximumConcurrency: number }).optional(),
});

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

const bucketSchema = z.object({
  VersioningConfiguration: z.object({ Status: z.string() }).optional(),
  NotificationConfiguration: z
    .object({
      QueueConfigurations: z
        .array(
          z.object({
            Event: z.string(),
            Queue: z.string(),
            Filter: z
              .object({
                S3Key: z.object({ Rules: z.array(z.object({ Name: z.string(), Value: z.string() })) }),
              })
              .optional(),
          }),
        )
        .default([]),
    })
    .default({ QueueConfigurations: [] }),
});

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

/** What a packaged template asks for, as far as it exists on one machine. */
export type StackResources = {
  readonly functions: readonly LambdaFunction[];
  readonly routes: readonly HttpRoute[];
  readonly queues: readonly Queue[];
  readonly eventSourceMappings: readonly EventSourceMapping[];
  readonly buckets: readonly Bucket[];
};

/** Reads the template in `templateFile` with every reference resolved for `surroundings`. */
export async function readStackResources(
  templateFile: string,
  surroundings: Surroundings,
): Promise<StackResources> {
  return stackResources(await readTemplate(templateFile), surroundings);
}

/** As `readStackResources`, for a template that is in hand. */
export function stackResources(template: Template, surroundings: Surroundings): StackResources {
  const resolver = createResolver(template, surroundings);
  const ofType = (type: string) =>
    Object.entries(template.Resources)
      .filter(([, resource]) => resource.Type === type && resolver.exists(resource))
      .map(([logicalId, resource]) => ({ logicalId, properties: resolver.resolve(resource.Properties) }));
  const ref = (logicalId: string) => String(resolver.resolve({ Ref: logicalId }));
  const arn = (logicalId: string) => String(resolver.resolve({ 'Fn::GetAtt': [logicalId, 'Arn'] }));

  const integrations = new Map(
    ofType('AWS::ApiGatewayV2::Integration').map(({ logicalId, properties }) => [
      logicalId,
      integrationSchema.parse(properties),
    ]),
  );
  return {
    functions: ofType('AWS::Lambda::Function').map(({ logicalId, properties }) =>
      lambdaFunction(arn(logicalId), properties),
    ),
    routes: ofType('AWS::ApiGatewayV2::Route').map(({ properties }) => httpRoute(properties, integrations)),
    queues: ofType('AWS::SQS::Queue').map(({ logicalId, properties }) =>
      queue(arn(logicalId), ref(logicalId), properties),
    ),
    eventSourceMappings: ofType('AWS::Lambda::EventSourceMapping')
      .map(({ properties }) => mappingSchema.parse(properties))
      .filter(({ Enabled }) => Enabled)
      .map(eventSourceMapping),
    buckets: ofType('AWS::S3::Bucket').map(({ logicalId, properties }) => bucket(ref(logicalId), properties)),
  };
}

function lambdaFunction(arn: string, properties: unknown): LambdaFunction {
  const { FunctionName, Handler, Code, MemorySize, Timeout, Environment, DurableConfig } =
    functionSchema.parse(properties);
  return {
    key: /([^/]+)\.zip$/.exec(Code.S3Key)?.[1] ?? FunctionName,
    functionName: FunctionName,
    arn,
    handler: Handler,
    memoryMb: MemorySize,
    timeoutSeconds: Timeout,
    environment: Environment.Variables,
    ...(DurableConfig && { durable: { executionTimeoutSeconds: DurableConfig.ExecutionTimeout } }),
  };
}

function httpRoute(
  properties: unknown,
  integrations: ReadonlyMap<string, z.infer<typeof integrationSchema>>,
): HttpRoute {
  const { RouteKey, Target, AuthorizationType } = routeSchema.parse(properties);
  const integration = integrations.get(Target.replace('integrations/', ''));
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

const queueAttributeNames = new Set([
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

function queue(arn: string, url: string, properties: unknown): Queue {
  const { QueueName, ...rest } = z.looseObject({ QueueName: z.string() }).parse(properties);
  const attributes = Object.entries(rest)
    .filter(([name]) => queueAttributeNames.has(name))
    .map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  return { name: QueueName, arn, url, attributes: Object.fromEntries(attributes) };
}

function eventSourceMapping(mapping: z.infer<typeof mappingSchema>): EventSourceMapping {
  return {
    queueArn: mapping.EventSourceArn,
    functionArn: mapping.FunctionName,
    batchSize: mapping.BatchSize,
    batchingWindowSeconds: mapping.MaximumBatchingWindowInSeconds,
    reportBatchItemFailures: mapping.FunctionResponseTypes.includes('ReportBatchItemFailures'),
    ...(mapping.ScalingConfig && { maximumConcurrency: mapping.ScalingConfig.MaximumConcurrency }),
  };
}

function bucket(name: string, properties: unknown): Bucket {
  const { VersioningConfiguration, NotificationConfiguration } = bucketSchema.parse(properties);
  return {
    name,
    versioned: VersioningConfiguration?.Status === 'Enabled',
    notifications: NotificationConfiguration.QueueConfigurations.map(({ Event, Queue, Filter }) => ({
      event: Event,
      queueArn: Queue,
      prefix: filterRule(Filter?.S3Key.Rules, 'prefix'),
      suffix: filterRule(Filter?.S3Key.Rules, 'suffix'),
    })),
  };
}

function filterRule(rules: readonly { Name: string; Value: string }[] = [], name: string): string {
  return rules.find((rule) => rule.Name.toLowerCase() === name)?.Value ?? '';
}
