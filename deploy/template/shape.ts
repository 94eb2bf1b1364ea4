import * as z from 'zod';

/** A template that serverless has compiled, as far as it is reshaped here. */
export type CompiledTemplate = {
  readonly Resources: Record<string, CompiledResource>;
  readonly Outputs?: Record<string, { Condition?: string }>;
  Rules?: Record<string, unknown>;
};

export type CompiledResource = {
  readonly Type: string;
  Condition?: string;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  readonly Properties: Record<string, unknown>;
};

const noValue = { Ref: 'AWS::NoValue' };
const given = (condition: string, value: unknown) => ({ 'Fn::If': [condition, value, noValue] });

/**
 * Finishes a compiled template: what every deployment can switch and set by parameters, for resources that serverless makes.
 * serverless.yml says the rest.
 */
export function shapeTemplate(template: CompiledTemplate): void {
  delete template.Resources['IamRoleLambdaExecution'];
  for (const [logicalId, resource] of Object.entries(template.Resources)) {
    if (mayFailAlone.test(logicalId)) keepFailedCalls(resource);
    const feature = featureOf(logicalId);
    if (feature) resource.Condition ??= feature;
    reshape[resource.Type]?.(resource, logicalId);
  }
  for (const [name, output] of Object.entries(template.Outputs ?? {})) {
    const feature = featureOf(name);
    if (feature) output.Condition ??= feature;
  }
  template.Rules = rules;
}

/** The switch without which a resource or an output is left out. */
function featureOf(logicalId: string): string | undefined {
  if (/^HttpApi|LambdaPermissionHttpApi$/.test(logicalId)) return 'WithHttpApi';
  if (/^(MapEvents|ReconcileEvents)/.test(logicalId)) return 'WithEvents';
  if (logicalId.startsWith('RedriveRecords')) return 'WithRedrive';
  if (logicalId.startsWith('RedropImports')) return 'WithRedrop';
  return /^(StartImport|ImportCsv)/.test(logicalId) ? 'WithImports' : undefined;
}

/** Functions and their roles that are called without anybody waiting: writes (Event Invokes), schedules and executions of imports. */
const mayFailAlone =
  /^((Post|Put|Patch|Delete)\w*|ReconcileEvents|RedriveRecords|RedropImports|ImportCsv)(LambdaFunction|IamRoleLambdaExecution)$/;

const failedCalls = { 'Fn::GetAtt': ['CallDeadLetterQueue', 'Arn'] };

/** Lambda keeps what such a call was given when it fails for good, or when an execution fails, times out or is stopped. */
function keepFailedCalls({ Type, Properties }: CompiledResource): void {
  if (Type === 'AWS::Lambda::Function') Properties['DeadLetterConfig'] = { TargetArn: failedCalls };
  else {
    const policies = policiesSchema.parse(Properties['Policies']);
    const keep = { Effect: 'Allow', Action: ['sqs:SendMessage'], Resource: [failedCalls] };
    policies[0]?.PolicyDocument.Statement.push(keep);
    Properties['Policies'] = policies;
  }
}

/** Roles of functions that report no outcomes: they write no record and see no rejected credentials. */
const reportsNothing = /^(Doctor|PostSignal|RedriveRecords|RedropImports)/;

/**
 * They wake themselves: startImport by a message to its own queue, an import by starting the next one. Lambda takes such a chain for a
 * mistake and ends it after 16 calls. Each call of theirs is due at a time, or ends an import.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
const wakesItself = /^(StartImport|ImportCsv)LambdaFunction$/;

const reshape: Readonly<Record<string, (resource: CompiledResource, logicalId: string) => void>> = {
  'AWS::Lambda::Function'({ Properties }, logicalId) {
    if (wakesItself.test(logicalId)) Properties['RecursiveLoop'] = 'Allow';
    Object.assign(Properties, {
      VpcConfig: given('WithVpc', {
        SubnetIds: { 'Fn::Split': [',', { Ref: 'VpcSubnetIds' }] },
        SecurityGroupIds: { 'Fn::Split': [',', { Ref: 'VpcSecurityGroupIds' }] },
      }),
      KmsKeyArn: given('WithKmsKey', { Ref: 'KmsKeyArn' }),
      TracingConfig: given('WithTracing', { Mode: 'Active' }),
      ReservedConcurrentExecutions: given('WithReservedConcurrency', { Ref: 'ReservedConcurrency' }),
    });
    const durable = Properties['DurableConfig'];
    if (typeof durable === 'object' && durable !== null)
      Object.assign(durable, { RetentionPeriodInDays: { Ref: 'ExecutionRetentionInDays' } });
  },
  /**
   * Running imports stay on the version that they began with, so old versions are kept. One whose deployment failed is not: Lambda
   * publishes no second version of the same code, and the next deployment would fail with it.
   */
  'AWS::Lambda::Version'(resource) {
    resource.DeletionPolicy = 'RetainExceptOnCreate';
    resource.UpdateReplacePolicy = 'Retain';
    resource.Properties['Description'] = { 'Fn::Sub': `settings \${Revision}` };
  },
  'AWS::Logs::LogGroup'({ Properties }) {
    Properties['RetentionInDays'] = { Ref: 'LogRetentionInDays' };
    Properties['KmsKeyId'] = given('WithKmsKey', { Ref: 'KmsKeyArn' });
  },
  'AWS::ApiGatewayV2::Route'({ Properties }) {
    Object.assign(Properties, {
      AuthorizationType: { 'Fn::If': ['WithJwt', 'JWT', 'AWS_IAM'] },
      AuthorizerId: given('WithJwt', { Ref: 'JwtAuthorizer' }),
      AuthorizationScopes: given('WithJwtScopes', { 'Fn::Split': [',', { Ref: 'JwtScopes' }] }),
    });
  },
  'AWS::IAM::Role'({ Properties }, logicalId) {
    Object.assign(Properties, {
      Path: { Ref: 'RolePath' },
      PermissionsBoundary: given('WithBoundary', { Ref: 'PermissionsBoundary' }),
    });
    const policies = policiesSchema.parse(Properties['Policies']);
    for (const { PolicyDocument } of policies) {
      const text = JSON.stringify(PolicyDocument);
      const usesBucket = text.includes('"s3:GetObject"');
      const usesQueueOrBucket = /"(sqs:SendMessage|s3:PutObject)"/.test(text);
      PolicyDocument.Statement = [
        ...PolicyDocument.Statement.map(withoutLogGroups).map(withItsResource),
        given('WithVpc', attachToVpc),
        given('WithTracing', sendTraces),
        ...(reportsNothing.test(logicalId) ? [] : [given('WithOutcomeBus', sendOutcomes)]),
        given('WithAnyKmsKey', decryptStatement),
        ...(usesQueueOrBucket ? [given('WithKmsKey', encryptStatement)] : []),
        ...(usesBucket ? [given('WithImportBucketKey', bucketKeyStatement)] : []),
      ];
    }
    Properties['Policies'] = policies;
  },
};

const statementSchema = z.looseObject({ Action: z.union([z.string(), z.array(z.string())]).optional() });
const policiesSchema = z.array(
  z.looseObject({ PolicyDocument: z.looseObject({ Statement: z.array(statementSchema) }) }),
);

/** The template makes each log group, with its retention. */
function withoutLogGroups(statement: z.infer<typeof statementSchema>): z.infer<typeof statementSchema> {
  if (!Array.isArray(statement.Action)) return statement;
  return { ...statement, Action: statement.Action.filter((action) => action !== 'logs:CreateLogGroup') };
}

/** A statement whose only resource may be left out is left out with it. */
function withItsResource(statement: z.infer<typeof statementSchema>): z.infer<typeof statementSchema> {
  const { data } = optionalResource.safeParse(statement['Resource']);
  if (data === undefined) return statement;
  const [condition, resource] = data['Fn::If'];
  return given(condition, { ...statement, Resource: resource });
}

const optionalResource = z.object({
  'Fn::If': z.tuple([z.string(), z.unknown(), z.object({ Ref: z.literal('AWS::NoValue') })]),
});

/**
 * Lambda runs a function in a VPC with its role's rights. AWS's own policy for it also lets the function make log groups, which then
 * have neither retention nor key.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 */
export const attachToVpc = {
  Effect: 'Allow',
  Action: [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ],
  Resource: '*',
};

/** X-Ray knows no narrower resource. */
const sendTraces = {
  Effect: 'Allow',
  Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  Resource: '*',
};

/** The bus may be another account's. */
const sendOutcomes = { Effect: 'Allow', Action: ['events:PutEvents'], Resource: [{ Ref: 'OutcomeBusArn' }] };

/** The secret, the function's variables, messages and objects. DynamoDB and CloudWatch Logs use the key by themselves. */
const decryptStatement = {
  Effect: 'Allow',
  Action: ['kms:Decrypt'],
  Resource: [
    given('WithKmsKey', { Ref: 'KmsKeyArn' }),
    given('WithSecretKmsKey', { Ref: 'SecretKmsKeyArn' }),
  ],
};

/** Messages that are sent and objects that are written. */
const encryptStatement = {
  Effect: 'Allow',
  Action: ['kms:GenerateDataKey'],
  Resource: [{ Ref: 'KmsKeyArn' }],
};

/** Dropped files and results in a bucket with a key of its own. */
const bucketKeyStatement = {
  Effect: 'Allow',
  Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
  Resource: [{ Ref: 'ImportBucketKmsKeyArn' }],
};

const isEmpty = (parameter: string) => ({ 'Fn::Equals': [{ Ref: parameter }, ''] });
const isSet = (parameter: string) => ({ 'Fn::Not': [isEmpty(parameter)] });

/** What deploy/template-parameters.ts refuses when packaging, for those who deploy the template by itself. */
const rules: Readonly<Record<string, unknown>> = {
  WholeVpc: {
    Assertions: [
      {
        Assert: {
          'Fn::Or': [
            { 'Fn::And': [isEmpty('VpcSubnetIds'), isEmpty('VpcSecurityGroupIds')] },
            { 'Fn::And': [isSet('VpcSubnetIds'), isSet('VpcSecurityGroupIds')] },
          ],
        },
        AssertDescription: 'VpcSubnetIds and VpcSecurityGroupIds are given together or not at all',
      },
    ],
  },
  TracingIsAvailable: {
    RuleCondition: { 'Fn::Equals': [{ Ref: 'Tracing' }, 'true'] },
    Assertions: [
      {
        Assert: {
          'Fn::Not': [{ 'Fn::Contains': [['cn-north-1', 'cn-northwest-1'], { Ref: 'AWS::Region' }] }],
        },
        AssertDescription: 'the regions of China have no X-Ray; set Tracing to false',
      },
    ],
  },
  JwtIsConfigured: {
    RuleCondition: { 'Fn::Equals': [{ Ref: 'Authorizer' }, 'jwt'] },
    Assertions: [
      {
        Assert: { 'Fn::And': [isSet('JwtIssuer'), isSet('JwtAudience')] },
        AssertDescription: 'Authorizer jwt needs JwtIssuer and JwtAudience',
      },
    ],
  },
  ExistingBucketIsNamed: {
    RuleCondition: { 'Fn::Equals': [{ Ref: 'ImportBucketExists' }, 'true'] },
    Assertions: [
      {
        Assert: isSet('ImportBucketName'),
        AssertDescription: 'ImportBucketExists needs the name of the bucket in ImportBucketName',
      },
    ],
  },
  BucketKeyIsOfExistingBucket: {
    RuleCondition: isSet('ImportBucketKmsKeyArn'),
    Assertions: [
      {
        Assert: { 'Fn::Equals': [{ Ref: 'ImportBucketExists' }, 'true'] },
        AssertDescription:
          'ImportBucketKmsKeyArn is for a bucket that exists; one that is made has KmsKeyArn',
      },
    ],
  },
};
