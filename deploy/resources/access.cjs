/**
 * Who uses the deployment: the access log of the HTTP API, and managed policies to attach to callers, senders, droppers and redrivers. Loaded
 * by serverless.yml.
 */
module.exports = async ({ resolveVariable }) => {
  const prefix = await resolveVariable('self:custom.prefix');
  const managed = Object.entries(policies).map(([name, policy]) => [`${name}Policy`, managedPolicy(policy)]);
  const outputs = Object.entries(policies).map(([name, { condition }]) => [
    `${name}PolicyArn`,
    { ...(condition && { Condition: condition }), Value: { Ref: `${name}Policy` } },
  ]);
  return {
    Resources: {
      HttpAccessLog: {
        Type: 'AWS::Logs::LogGroup',
        Condition: 'WithHttpApi',
        Properties: {
          LogGroupName: `/aws/apigateway/${prefix}`,
          RetentionInDays: { Ref: 'LogRetentionInDays' },
          KmsKeyId: { 'Fn::If': ['WithKmsKey', { Ref: 'KmsKeyArn' }, { Ref: 'AWS::NoValue' }] },
        },
      },
      ...Object.fromEntries(managed),
    },
    Outputs: Object.fromEntries(outputs),
  };
};

const arnOf = (resource) => ({ 'Fn::GetAtt': [resource, 'Arn'] });
const whenFifo = (resource) => ({ 'Fn::If': ['WithFifo', arnOf(resource), { Ref: 'AWS::NoValue' }] });
const bucket = { 'Fn::If': ['WithOwnImportBucket', { Ref: 'ImportBucket' }, { Ref: 'ImportBucketName' }] };
const inBucket = (path) => ({
  'Fn::Sub': [`arn:\${AWS::Partition}:s3:::\${Bucket}${path}`, { Bucket: bucket }],
});
const useKey = {
  'Fn::If': [
    'WithKmsKey',
    { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: [{ Ref: 'KmsKeyArn' }] },
    { Ref: 'AWS::NoValue' },
  ],
};
const allow = (Action, Resource) => ({ Effect: 'Allow', Action, Resource });

const policies = {
  HttpCaller: {
    condition: 'WithHttpApi',
    description: 'Calls every route of the HTTP API of servicenow-functions.',
    statements: [
      allow(
        ['execute-api:Invoke'],
        [
          {
            'Fn::Sub': `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${HttpApi}/$default/*`,
          },
        ],
      ),
    ],
  },
  RecordSender: {
    description: 'Sends messages to the records queues of servicenow-functions.',
    statements: [allow(['sqs:SendMessage'], [arnOf('RecordsQueue'), whenFifo('RecordsFifoQueue')]), useKey],
  },
  Dropper: {
    condition: 'WithImports',
    description: 'Drops files for import into servicenow-functions and reads their results.',
    statements: [
      allow(['s3:PutObject'], [inBucket('/imports/*')]),
      allow(['s3:GetObject'], [inBucket('/results/*')]),
      useKey,
    ],
  },
  Redriver: {
    description: 'Reads dead letters of servicenow-functions and moves them back.',
    statements: [
      allow(
        ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
        [arnOf('RecordsDeadLetterQueue'), whenFifo('RecordsFifoDeadLetterQueue')],
      ),
      allow(['sqs:SendMessage'], [arnOf('RecordsQueue'), whenFifo('RecordsFifoQueue')]),
      // Reasons for which a letter has no room.
      allow(['dynamodb:Query'], [arnOf('StateTable')]),
      useKey,
    ],
  },
};

/** Without a name of its own, so that the stack can be made again while one is still attached somewhere. */
function managedPolicy({ condition, description, statements }) {
  return {
    Type: 'AWS::IAM::ManagedPolicy',
    ...(condition && { Condition: condition }),
    Properties: {
      Description: description,
      Path: { Ref: 'RolePath' },
      PolicyDocument: { Version: '2012-10-17', Statement: statements },
    },
  };
}
