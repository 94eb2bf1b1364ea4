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

/** Reads what a deployment is made of. Each call throws what the SDK throws. */
export type Inspection = {
  queue(url: string): Promise<QueueNow>;
  /** The state of a DynamoDB table, e.g. `ACTIVE`. */
  tableState(name: string): Promise<string>;
  bucketAnnouncements(bucket: string): Promise<readonly Announcement[]>;
  isVersioned(bucket: string): Promise<boolean>;
  /** The state of an event source mapping, e.g. `Enabled`, and what came of its last poll. */
  mapping(uuid: string): Promise<{ readonly state: string; readonly lastResult: string }>;
  /** Whether a rule is switched on, and how often it calls. */
  schedule(rule: string): Promise<{ readonly isEnabled: boolean; readonly every: string }>;
  /** Whether the function may be called by this qualified ARN; nothing runs. */
  tryInvoke(arn: string): Promise<void>;
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
    async concurrency() {
      const { GetAccountSettingsCommand, LambdaClient } = await import('./sdk/lambda.ts');
      const { AccountLimit } = await new LambdaClient(limits).send(new GetAccountSettingsCommand({}));
      const limit = AccountLimit?.ConcurrentExecutions ?? 0;
      return { limit, unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? limit };
    },
  };
}

function readRedrivePolicy(text: string | undefined): QueueNow['deadLetters'] {
  if (!text) return undefined;
  const policy: unknown = JSON.parse(text);
  if (typeof policy !== 'object' || policy === null) return undefined;
  if (!('deadLetterTargetArn' in policy) || !('maxReceiveCount' in policy)) return undefined;
  return { arn: String(policy.deadLetterTargetArn), afterReceives: Number(policy.maxReceiveCount) };
}
