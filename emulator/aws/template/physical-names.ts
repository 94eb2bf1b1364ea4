import { roleIdOf } from '../iam/role-id.ts';

/** What CloudFormation would know of the account, and where the local queues answer. */
export type TemplateContext = {
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  /** Base of queue URLs without a slash at the end, e.g. `http://127.0.0.1:4566`. */
  readonly sqsEndpoint: string;
  /** @default aws */
  readonly partition?: string;
  /** Values of exports of other stacks, by name. */
  readonly imports?: Readonly<Record<string, string>>;
};

/** A resource as far as its name depends on it: its properties are resolved when they are asked for. */
export type NamedResource = {
  readonly logicalId: string;
  readonly type: string;
  property(name: string): unknown;
};

/** What `Ref` of a resource is once it exists. */
export function physicalName(resource: NamedResource, context: TemplateContext): unknown {
  const { logicalId, type, property } = resource;
  switch (type) {
    case 'AWS::SQS::Queue':
      return `${context.sqsEndpoint}/${context.accountId}/${queueName(resource)}`;
    case 'AWS::S3::Bucket':
      return property('BucketName') ?? logicalId.toLowerCase();
    case 'AWS::DynamoDB::Table':
      return property('TableName') ?? logicalId;
    case 'AWS::SNS::Topic':
      return topicArn(resource, context);
    case 'AWS::Events::Rule':
      return property('Name') ?? logicalId;
    case 'AWS::Lambda::Function':
      return property('FunctionName');
    case 'AWS::Lambda::Alias':
      return `${lambdaArn(property('FunctionName'), context)}:${property('Name')}`;
    default:
      return logicalId;
  }
}

/** What `Fn::GetAtt` of a resource is once it exists. @throws Error for an attribute that the local stack does not know */
export function physicalAttribute(
  resource: NamedResource,
  attribute: string,
  context: TemplateContext,
): unknown {
  const { logicalId, type, property } = resource;
  const { region, accountId, partition = 'aws' } = context;
  switch (`${type} ${attribute}`) {
    case 'AWS::SQS::Queue Arn':
      return `arn:${partition}:sqs:${region}:${accountId}:${queueName(resource)}`;
    case 'AWS::SQS::Queue QueueName':
      return queueName(resource);
    case 'AWS::SQS::Queue QueueUrl':
      return physicalName(resource, context);
    case 'AWS::S3::Bucket Arn':
      return `arn:${partition}:s3:::${physicalName(resource, context)}`;
    case 'AWS::DynamoDB::Table Arn':
      return `arn:${partition}:dynamodb:${region}:${accountId}:table/${physicalName(resource, context)}`;
    case 'AWS::Lambda::Function Arn':
      return lambdaArn(property('FunctionName'), context);
    case 'AWS::SNS::Topic TopicArn':
      return topicArn(resource, context);
    case 'AWS::SNS::Topic TopicName':
      return property('TopicName') ?? logicalId;
    case 'AWS::Events::Rule Arn':
      return ruleArn(resource, context);
    case 'AWS::Logs::LogGroup Arn':
      return `arn:${partition}:logs:${region}:${accountId}:log-group:${property('LogGroupName') ?? logicalId}:*`;
    case 'AWS::Lambda::Version Version':
      return '1';
    case 'AWS::IAM::Role Arn':
      return `arn:${partition}:iam::${accountId}:role/${property('RoleName') ?? logicalId}`;
    case 'AWS::IAM::Role RoleId':
      return roleIdOf(String(property('RoleName') ?? logicalId));
    default:
      throw new Error(
        `Fn::GetAtt ${logicalId}.${attribute}: the local stack does not know ${attribute} of ${type}`,
      );
  }
}

function topicArn({ logicalId, property }: NamedResource, { region, accountId }: TemplateContext): string {
  return `arn:aws:sns:${region}:${accountId}:${property('TopicName') ?? logicalId}`;
}

/** The ARN of a rule on another bus than the default one names the bus too. */
function ruleArn({ logicalId, property }: NamedResource, { region, accountId }: TemplateContext): string {
  const bus = property('EventBusName') ?? 'default';
  const path = bus === 'default' ? '' : `${bus}/`;
  return `arn:aws:events:${region}:${accountId}:rule/${path}${property('Name') ?? logicalId}`;
}

/** CloudFormation names a queue itself, for FIFO queues with their ending, when the template does not. */
function queueName({ logicalId, property }: NamedResource): string {
  const given = property('QueueName');
  if (typeof given === 'string') return given;
  return property('FifoQueue') === true ? `${logicalId}.fifo` : logicalId;
}

function lambdaArn(functionName: unknown, { region, accountId, partition = 'aws' }: TemplateContext): string {
  return `arn:${partition}:lambda:${region}:${accountId}:function:${functionName}`;
}
