/** The SDK itself waits for ever, e.g. in a VPC without a way to the service. */
const limits = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 4_000, throwOnRequestTimeout: true },
};

/** A queue as SQS describes it. */
export type QueueNow = {
  readonly waiting: number;
  readonly inFlight: number;
  readonly retentionSeconds: number;
  /** The ARN of its dead-letter queue, and how often a message is received before it goes there. */
  readonly deadLetters: { readonly arn: string; readonly afterReceives: number } | undefined;
  /** The queue's policy as JSON; empty for none. */
  readonly policy: string;
  readonly arn: string;
};

/** A rule by which S3 announces new objects. */
export type Announcement = {
  readonly queueArn: string;
  readonly events: readonly string[];
  /** Only keys that begin and end so; empty for all. */
  readonly prefix: string;
  readonly suffix: string;
};

/** The version of a function that an alias names, and the function as it is now. */
export type AliasNow = {
  readonly version: string;
  /** Settings in which the version differs from the function as it is now, e.g. `CodeSha256`. */
  readonly differences: readonly string[];
  /** `Active`, or e.g. `Failed`, with Lambda’s code for why, e.g. `DisabledKMSKey`. */
  readonly state: string;
  readonly reasonCode: string;
};

/** Reads what a deployment is made of. Each call throws what the SDK throws. */
export type Inspection = {
  queue(url: string): Promise<QueueNow>;
  /** The state of a DynamoDB table, e.g. `ACTIVE`. */
  tableState(name: string): Promise<string>;
  bucketAnnouncements(bucket: string): Promise<readonly Announcement[]>;
  isVersioned(bucket: string): Promise<boolean>;
  /** The KMS key that a bucket encrypts with: an id, ARN or alias; undefined where it uses one of AWS. */
  bucketKey(bucket: string): Promise<string | undefined>;
  /** The state of an event source mapping, e.g. `Enabled`, and what came of its last poll. */
  mapping(uuid: string): Promise<{ readonly state: string; readonly lastResult: string }>;
  /** Whether a rule is switched on, and how often it calls. */
  schedule(rule: string): Promise<{ readonly isEnabled: boolean; readonly every: string }>;
  /** Whether the function may be called by this qualified ARN; nothing runs. */
  tryInvoke(arn: string): Promise<void>;
  /** What the alias of a qualified ARN stands for. */
  alias(arn: string): Promise<AliasNow>;
  /** Executions of all functions of the account that may run at once, and those that are reserved. */
  concurrency(): Promise<{ readonly limit: number; readonly unreserved: number }>;
};

/** An inspection by the AWS SDK, which each call loads by itself: only the doctor needs these. */
export function inspectAws(): Inspection {
  return {
    async queue(url) {
      const { GetQueueAttributesCommand, SQSClient } = await import('./sdk/sqs.ts');
      const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
      const { Attributes = {} } = await new SQSClient(limits).send(command);
      return {
        waiting: Number(Attributes['ApproximateNumberOfMessages'] ?? 0),
        inFlight: Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0),
        retentionSeconds: Number(Attributes['MessageRetentionPeriod'] ?? 0),
        deadLetters: readRedrivePolicy(Attributes['RedrivePolicy']),
        policy: Attributes['Policy'] ?? '',
        arn: Attributes['QueueArn'] ?? '',
      };
    },
    async tableState(name) {
      const { DescribeTableCommand, DynamoDBClient } = await import('./sdk/dynamodb.ts');
      const { Table } = await new DynamoDBClient(limits).send(new DescribeTableCommand({ TableName: name }));
      return Table?.TableStatus ?? 'UNKNOWN';
    },
    async bucketAnnouncements(bucket) {
      const { GetBucketNotificationConfigurationCommand, S3Client } = await import('./sdk/s3.ts');
      const command = new GetBucketNotificationConfigurationCommand({ Bucket: bucket });
      const { QueueConfigurations = [] } = await new S3Client(limits).send(command);
      return QueueConfigurations.map(({ QueueArn = '', Events = [], Filter }) => {
        const named = (name: string) =>
          Filter?.Key?.FilterRules?.find(({ Name }) => Name?.toLowerCase() === name)?.Value ?? '';
        return { queueArn: QueueArn, events: Events, prefix: named('prefix'), suffix: named('suffix') };
      });
    },
    async isVersioned(bucket) {
      const { GetBucketVersioningCommand, S3Client } = await import('./sdk/s3.ts');
      const { Status } = await new S3Client(limits).send(new GetBucketVersioningCommand({ Bucket: bucket }));
      return Status === 'Enabled';
    },
    async bucketKey(bucket) {
      const { GetBucketEncryptionCommand, S3Client } = await import('./sdk/s3.ts');
      const { ServerSideEncryptionConfiguration } = await new S3Client(limits).send(
        new GetBucketEncryptionCommand({ Bucket: bucket }),
      );
      const [rule] = ServerSideEncryptionConfiguration?.Rules ?? [];
      return rule?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID || undefined;
    },
    async mapping(uuid) {
      const { GetEventSourceMappingCommand, LambdaClient } = await import('./sdk/lambda.ts');
      const command = new GetEventSourceMappingCommand({ UUID: uuid });
      const { State = 'unknown', LastProcessingResult = '' } = await new LambdaClient(limits).send(command);
      return { state: State, lastResult: LastProcessingResult };
    },
    async schedule(rule) {
      const { DescribeRuleCommand, EventBridgeClient } = await import('./sdk/event-bridge.ts');
      const command = new DescribeRuleCommand({ Name: rule });
      const { State, ScheduleExpression = '' } = await new EventBridgeClient(limits).send(command);
      return { isEnabled: State !== 'DISABLED', every: ScheduleExpression };
    },
    async tryInvoke(arn) {
      const { InvokeCommand, LambdaClient } = await import('./sdk/lambda.ts');
      const command = new InvokeCommand({
        FunctionName: arn,
        InvocationType: 'DryRun',
        Payload: Buffer.from('{}'),
      });
      await new LambdaClient(limits).send(command);
    },
    async alias(arn) {
      const { GetFunctionConfigurationCommand, LambdaClient } = await import('./sdk/lambda.ts');
      const lambda = new LambdaClient(limits);
      const end = arn.lastIndexOf(':');
      const FunctionName = arn.slice(0, end);
      const Qualifier = arn.slice(end + 1);
      const [version, latest] = await Promise.all([
        lambda.send(new GetFunctionConfigurationCommand({ FunctionName, Qualifier })),
        lambda.send(new GetFunctionConfigurationCommand({ FunctionName })),
      ]);
      return {
        version: version.Version ?? Qualifier,
        differences: versioned.filter((name) => textOf(version[name]) !== textOf(latest[name])),
        state: version.State ?? 'unknown',
        reasonCode: version.StateReasonCode ?? '',
      };
    },
    async concurrency() {
      const { GetAccountSettingsCommand, LambdaClient } = await import('./sdk/lambda.ts');
      const { AccountLimit } = await new LambdaClient(limits).send(new GetAccountSettingsCommand({}));
      const limit = AccountLimit?.ConcurrentExecutions ?? 0;
      return { limit, unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? limit };
    },
  };
}

/** What a version of a function keeps as it was published. */
const versioned = [
  'CodeSha256',
  'Environment',
  'KMSKeyArn',
  'MemorySize',
  'Role',
  'Timeout',
  'TracingConfig',
  'VpcConfig',
] as const;

/** The same for two values with the same content, in whatever order their members are. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function readRedrivePolicy(text: string | undefined): QueueNow['deadLetters'] {
  if (!text) return undefined;
  const policy: unknown = JSON.parse(text);
  if (typeof policy !== 'object' || policy === null) return undefined;
  if (!('deadLetterTargetArn' in policy) || !('maxReceiveCount' in policy)) return undefined;
  return { arn: String(policy.deadLetterTargetArn), afterReceives: Number(policy.maxReceiveCount) };
}
