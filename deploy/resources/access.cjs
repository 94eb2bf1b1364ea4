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
const given = (condition, value) => ({ 'Fn::If': [condition, value, { Ref: 'AWS::NoValue' }] });
const when = (condition, resource) => given(condition, arnOf(resource));
const whenFifo = (resource) => when('WithFifo', resource);
const bucket = { 'Fn::If': ['WithOwnImportBucket', { Ref: 'ImportBucket' }, { Ref: 'ImportBucketName' }] };
const inBucket = (path) => ({
  'Fn::Sub': [`arn:\${AWS::Partition}:s3:::\${Bucket}${path}`, { Bucket: bucket }],
});
const allow = (Action, Resource) => ({ Effect: 'Allow', Action, Resource });
const useKey = given('WithKmsKey', allow(['kms:Decrypt', 'kms:GenerateDataKey'], [{ Ref: 'KmsKeyArn' }]));
const useBucketKey = given(
  'WithImportBucketKey',
  allow(['kms:Decrypt', 'kms:GenerateDataKey'], [{ Ref: 'ImportBucketKmsKeyArn' }]),
);

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
      // npm run import reads the settings of the folder, and looks at what it dropped and at its results.
      allow(['s3:GetObject'], [inBucket('/imports/*'), inBucket('/results/*')]),
      // Without it S3 answers 403 for an object that is not there.
      {
        ...allow(['s3:ListBucket'], [inBucket('')]),
        Condition: { StringLike: { 's3:prefix': ['imports/*', 'results/*'] } },
      },
      useKey,
      useBucketKey,
    ],
  },
  Redriver: {
    description: 'Reads dead letters of servicenow-functions and moves them back.',
    statements: [
      allow(
        ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
        [
          arnOf('RecordsDeadLetterQueue'),
          whenFifo('RecordsFifoDeadLetterQueue'),
          when('WithEvents', 'EventsDeadLetterQueue'),
          when('WithImports', 'ImportDeadLetterQueue'),
          // Its letters are looked at and deleted; nothing moves them back.
          arnOf('CallDeadLetterQueue'),
        ],
      ),
      given('WithImports', allow(['sqs:StartMessageMoveTask'], [arnOf('ImportDeadLetterQueue')])),
      allow(
        ['sqs:SendMessage'],
        [
          arnOf('RecordsQueue'),
          whenFifo('RecordsFifoQueue'),
          when('WithEvents', 'EventsQueue'),
          when('WithImports', 'ImportQueue'),
        ],
      ),
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
