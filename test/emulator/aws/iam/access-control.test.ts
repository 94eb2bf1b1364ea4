import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetFindingsCommand, SecurityHubClient } from '@aws-sdk/client-securityhub';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { expect, it, onTestFinished } from 'vitest';
import { startCloudWatch } from '../../../../emulator/aws/cloudwatch/cloudwatch.ts';
import { startDynamoDb } from '../../../../emulator/aws/dynamodb/dynamodb.ts';
import { startEventBridge } from '../../../../emulator/aws/event-bridge/event-bridge.ts';
import { AccessControl } from '../../../../emulator/aws/iam/access-control.ts';
import { roleIdOf } from '../../../../emulator/aws/iam/role-id.ts';
import { rolePolicy } from '../../../../emulator/aws/iam/role-policy.ts';
import { startS3 } from '../../../../emulator/aws/s3/s3.ts';
import { startSecretsManager } from '../../../../emulator/aws/secrets-manager/secrets-manager.ts';
import { startSecurityHub } from '../../../../emulator/aws/security-hub/security-hub.ts';
import { startSns } from '../../../../emulator/aws/sns/sns.ts';
import { startSqs } from '../../../../emulator/aws/sqs/sqs.ts';

type Statement = { readonly Effect?: string; readonly Action: string | string[]; readonly Resource: string };

/** The function `fn` with a role of these statements, and the credentials of it and of an administrator. */
function open(...statements: Statement[]) {
  const access = new AccessControl();
  const Statement = statements.map((statement) => ({ Effect: 'Allow', ...statement }));
  access.setRoles([{ functionName: 'fn', role: rolePolicy([{ PolicyDocument: { Statement } }]) }]);
  const as = (accessKeyId: string, { url }: { url: string }) => ({
    endpoint: url,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: 'local' },
  });
  return { access, permit: access.permit, as };
}

/** Ends with the test. */
function until<Closed extends { close(): Promise<void> }>(server: Closed): Closed {
  onTestFinished(() => server.close());
  return server;
}

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.catch((reason: unknown) => reason);
  return error instanceof Error && 'name' in error ? `${error.name}` : 'allowed';
}

async function openS3(...statements: Statement[]) {
  const world = open(...statements);
  const folder = await mkdtemp(join(tmpdir(), 's3-rights-'));
  const server = until(await startS3({ folder, permit: world.permit }));
  onTestFinished(() => rm(folder, { recursive: true }));
  server.state.buckets.ensure('files', 0);
  const admin = new S3Client({ ...world.as('local', server), forcePathStyle: true });
  const s3 = new S3Client({ ...world.as('fn', server), forcePathStyle: true });
  const put = (Key: string) => admin.send(new PutObjectCommand({ Bucket: 'files', Key, Body: 'x' }));
  return { ...world, s3, put };
}

const arn = 'arn:aws:s3:::files';

it('lets a caller that is no function do everything', async () => {
  const { put } = await openS3();
  await expect(put('a')).resolves.toBeDefined();
});

it('refuses a function what its role does not name, and remembers the call', async () => {
  const { s3, put, access } = await openS3({ Action: 's3:GetObject', Resource: `${arn}/mine/*` });
  await put('mine/a');
  await put('theirs/a');
  const get = (Key: string) => s3.send(new GetObjectCommand({ Bucket: 'files', Key }));
  expect(await refusal(get('mine/a'))).toBe('allowed');
  expect(await refusal(get('theirs/a'))).toBe('AccessDenied');
  expect(access.refused).toEqual([
    { functionName: 'fn', action: 's3:GetObject', resource: `${arn}/theirs/a` },
  ]);
});

it('lets a denial win over a right', async () => {
  const { s3, put } = await openS3(
    { Action: 's3:*', Resource: '*' },
    { Effect: 'Deny', Action: 's3:GetObject', Resource: `${arn}/secret` },
  );
  await put('secret');
  expect(await refusal(s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'secret' })))).toBe(
    'AccessDenied',
  );
});

it('says that an object is missing only to who may list the bucket', async () => {
  const read = { Action: 's3:GetObject', Resource: `${arn}/*` };
  const blind = await openS3(read);
  const seeing = await openS3(read, { Action: 's3:ListBucket', Resource: arn });
  const get = (s3: S3Client) => refusal(s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'gone' })));
  expect([await get(blind.s3), await get(seeing.s3)]).toEqual(['AccessDenied', 'NoSuchKey']);
});

it('wants the right to both objects of a copy, and that to read for a head', async () => {
  const { s3, put } = await openS3({ Action: 's3:PutObject', Resource: `${arn}/*` });
  await put('a');
  const copy = new CopyObjectCommand({ Bucket: 'files', Key: 'b', CopySource: 'files/a' });
  expect(await refusal(s3.send(copy))).toBe('AccessDenied');
  expect(await refusal(s3.send(new HeadObjectCommand({ Bucket: 'files', Key: 'a' })))).not.toBe('allowed');
  expect(await refusal(s3.send(new ListObjectsV2Command({ Bucket: 'files' })))).toBe('AccessDenied');
});

it('refuses single objects of a deletion of several', async () => {
  const { s3, put } = await openS3({ Action: 's3:DeleteObject', Resource: `${arn}/mine/*` });
  await put('mine/a');
  await put('theirs/a');
  const Objects = [{ Key: 'mine/a' }, { Key: 'theirs/a' }];
  const { Deleted, Errors } = await s3.send(
    new DeleteObjectsCommand({ Bucket: 'files', Delete: { Objects } }),
  );
  expect([Deleted?.map(({ Key }) => Key), Errors?.map(({ Key, Code }) => [Key, Code])]).toEqual([
    ['mine/a'],
    [['theirs/a', 'AccessDenied']],
  ]);
});

it('takes the right to a single message for one to a batch, of that queue only', async () => {
  const { permit, as } = open({
    Action: 'sqs:SendMessage',
    Resource: 'arn:aws:sqs:us-east-1:000000000000:mine',
  });
  const server = until(await startSqs({ permit }));
  const admin = new SQSClient(as('local', server));
  for (const QueueName of ['mine', 'theirs']) await admin.send(new CreateQueueCommand({ QueueName }));
  const sqs = new SQSClient(as('fn', server));
  const QueueUrl = `${server.url}/000000000000/mine`;
  const Entries = [{ Id: '1', MessageBody: 'x' }];
  expect(await refusal(sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })))).toBe('allowed');
  expect(await refusal(sqs.send(new ReceiveMessageCommand({ QueueUrl })))).toMatch(/^AccessDenied/);
  const theirs = `${server.url}/000000000000/theirs`;
  const sent = sqs.send(new SendMessageCommand({ QueueUrl: theirs, MessageBody: 'x' }));
  expect(await refusal(sent)).toMatch(/^AccessDenied/);
});

it('holds DynamoDB to tables and indexes', async () => {
  const table = 'arn:aws:dynamodb:us-east-1:000000000000:table/state';
  const { permit, as } = open({
    Action: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'],
    Resource: table,
  });
  const server = until(await startDynamoDb({ permit }));
  await server.ensureTable({
    name: 'state',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  });
  const dynamodb = new DynamoDBClient(as('fn', server));
  const Key = { pk: { S: 'a' } };
  const get = new GetItemCommand({ TableName: 'state', Key });
  expect(await refusal(dynamodb.send(get))).toBe('allowed');
  const batch = new BatchGetItemCommand({ RequestItems: { state: { Keys: [Key] } } });
  expect(await refusal(dynamodb.send(batch))).toBe('allowed');
  const put = new PutItemCommand({ TableName: 'state', Item: Key });
  expect(await refusal(dynamodb.send(put))).toBe('AccessDeniedException');
  const query = new QueryCommand({
    TableName: 'state',
    IndexName: 'other',
    KeyConditionExpression: 'pk = :a',
  });
  expect(await refusal(dynamodb.send(query))).toBe('AccessDeniedException');
});

it('compares a secret by its whole ARN, whatever name the call gives', async () => {
  const { permit, as } = open({
    Action: 'secretsmanager:GetSecretValue',
    Resource: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:mine-??????',
  });
  const server = until(await startSecretsManager({ permit }));
  const admin = new SecretsManagerClient(as('local', server));
  for (const Name of ['mine', 'mine-too'])
    await admin.send(new CreateSecretCommand({ Name, SecretString: '{}' }));
  const secrets = new SecretsManagerClient(as('fn', server));
  const read = (SecretId: string) => refusal(secrets.send(new GetSecretValueCommand({ SecretId })));
  expect([await read('mine'), await read('mine-too'), await read('gone')]).toEqual([
    'allowed',
    'AccessDeniedException',
    'AccessDeniedException',
  ]);
});

it('guards events, alarms, findings and topics', async () => {
  const { permit, as, access } = open();
  const rest = { publish: () => undefined, deliver: () => undefined, permit };
  const bus = new EventBridgeClient(as('fn', until(await startEventBridge(rest))));
  const alarms = new CloudWatchClient(as('fn', until(await startCloudWatch(rest))));
  const hub = new SecurityHubClient(as('fn', until(await startSecurityHub(rest))));
  const sns = new SNSClient(as('fn', until(await startSns(rest))));
  const Entries = [
    { Source: 'a', DetailType: 'b', Detail: '{}', EventBusName: 'arn:aws:events:eu-west-1:1:event-bus/x' },
  ];
  const refused = [
    await refusal(bus.send(new PutEventsCommand({ Entries }))),
    await refusal(alarms.send(new DescribeAlarmsCommand({}))),
    await refusal(hub.send(new GetFindingsCommand({}))),
    await refusal(sns.send(new PublishCommand({ TopicArn: 'arn:aws:sns:us-east-1:1:t', Message: 'x' }))),
  ];
  for (const name of refused) expect(name).toMatch(/AccessDenied|AuthorizationError/);
  expect(access.refused.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
    'events:PutEvents arn:aws:events:eu-west-1:1:event-bus/x',
    'cloudwatch:DescribeAlarms *',
    'securityhub:GetFindings arn:aws:securityhub:us-east-1:000000000000:hub/default',
    'sns:Publish arn:aws:sns:us-east-1:1:t',
  ]);
});

it('names the rights that no call has needed', async () => {
  const { s3, put, access } = await openS3({
    Action: ['s3:GetObject', 's3:PutObject'],
    Resource: `${arn}/*`,
  });
  await put('a');
  await s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'a' }));
  expect(access.unused()).toEqual([{ functionName: 'fn', action: 's3:PutObject', resource: `${arn}/*` }]);
});

it('does not take a policy with a condition, which it would not understand', () => {
  const Statement = [{ Effect: 'Allow', Action: 's3:*', Resource: '*', Condition: { Bool: { a: 'b' } } }];
  expect(() => rolePolicy([{ PolicyDocument: { Statement } }])).toThrow('Condition');
});

it('attests a message of a function by the id of its role, and any other as an administrator', async () => {
  const access = new AccessControl();
  access.setRoles([{ functionName: 'fn', roleId: roleIdOf('fn-role') }]);
  const sqs = until(await startSqs({ idOf: access.idOf }));
  const as = (accessKeyId: string) =>
    new SQSClient({
      ...{ endpoint: sqs.url, region: 'us-east-1' },
      credentials: { accessKeyId, secretAccessKey: 'local' },
    });
  const { QueueUrl } = await as('local').send(new CreateQueueCommand({ QueueName: 'queue' }));
  await as('fn').send(new SendMessageCommand({ QueueUrl, MessageBody: 'from fn' }));
  const Entries = [{ Id: '0', MessageBody: 'from a person' }];
  await as('local').send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  const receive = new ReceiveMessageCommand({
    ...{ QueueUrl, MaxNumberOfMessages: 10 },
    MessageSystemAttributeNames: ['SenderId'],
  });
  const { Messages = [] } = await as('local').send(receive);
  expect(Object.fromEntries(Messages.map(({ Body, Attributes }) => [Body, Attributes?.SenderId]))).toEqual({
    'from fn': `${roleIdOf('fn-role')}:fn`,
    'from a person': 'AIDALOCALSENDER',
  });
  expect(roleIdOf('fn-role')).toMatch(/^AROA[0-9A-F]{17}$/);
});

it('names the role of a function as who stored an object, in the event of S3', async () => {
  const access = new AccessControl();
  access.setRoles([{ functionName: 'fn', roleId: roleIdOf('fn-role') }]);
  const folder = await mkdtemp(join(tmpdir(), 's3-principal-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const bodies: string[] = [];
  const s3 = until(
    await startS3({ folder, idOf: access.idOf, deliver: (_queue, body) => void bodies.push(body) }),
  );
  const as = (accessKeyId: string) =>
    new S3Client({
      ...{ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true },
      credentials: { accessKeyId, secretAccessKey: 'local' },
    });
  const Bucket = 'drops';
  await as('local').send(new CreateBucketCommand({ Bucket }));
  const QueueConfigurations = [{ QueueArn: 'arn:aws:sqs:::drops', Events: ['s3:ObjectCreated:*' as const] }];
  const NotificationConfiguration = { QueueConfigurations };
  await as('local').send(
    new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }),
  );
  await as('local').send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' }));
  await as('fn').send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
  const principals = bodies
    .map((body) => JSON.parse(body).Records?.[0].userIdentity.principalId)
    .filter((principal) => principal !== undefined);
  expect(principals).toEqual(['AWS:AIDALOCALSENDER', `AWS:${roleIdOf('fn-role')}:fn`]);
});
