import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DisableRuleCommand, EventBridgeClient, PutRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startDynamoDb } from '../../../emulator/aws/dynamodb/dynamodb.ts';
import { startEventBridge } from '../../../emulator/aws/event-bridge/event-bridge.ts';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';
import { startSqs } from '../../../emulator/aws/sqs/sqs.ts';
import { explainFailure } from '../../../lib/aws/denial.ts';
import { type AliasNow, type Inspection, inspectAws } from '../../../lib/aws/inspection.ts';
import { type AwsSettings, checkAws } from '../../../lib/doctor/check-aws.ts';
import type { Finding } from '../../../lib/doctor/finding.ts';

const arnOf = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

const rule = 'every-15-minutes';

type Rule = {
  readonly prefix?: string;
  readonly suffix?: string;
  readonly events?: readonly (
    | 's3:ObjectCreated:*'
    | `s3:ObjectCreated:${'Put' | 'Post' | 'Copy' | 'CompleteMultipartUpload'}`
  )[];
};

const policyOf = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const letsS3Send = {
  Effect: 'Allow',
  Principal: { Service: 's3.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Resource: arnOf('import'),
};
const onlyOverTls = {
  Effect: 'Deny',
  Principal: '*',
  Action: 'sqs:*',
  Resource: arnOf('import'),
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};
const forBucket = (name: string) => ({
  StringEquals: { 'aws:SourceAccount': '000000000000' },
  ArnLike: { 'aws:SourceArn': `arn:aws:s3:::${name}` },
});

const newest: AliasNow = { version: '7', differences: [], state: 'Active', reasonCode: '' };

/** Lambda has its own emulator, which needs packaged functions. */
const lambda = {
  tryInvoke: async () => {},
  concurrency: async () => ({ limit: 1_000, unreserved: 1_000 }),
  mapping: async () => ({ state: 'Enabled', lastResult: 'OK' }),
  alias: async () => newest,
};

function useEnvironment(variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
  process.env = { ...before, ...credentials, ...variables };
}

async function deployment() {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-aws-'));
  const [sqs, s3, dynamodb, eventBridge] = await Promise.all([
    startSqs(),
    startS3({ folder }),
    startDynamoDb(),
    startEventBridge({ deliver() {} }),
  ]);
  onTestFinished(async () => {
    await Promise.all([sqs.close(), s3.close(), dynamodb.close(), eventBridge.close()]);
    await rm(folder, { recursive: true });
  });
  useEnvironment({
    AWS_ENDPOINT_URL_SQS: sqs.url,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
  });
  const rules = new EventBridgeClient({});
  await rules.send(new PutRuleCommand({ Name: rule, ScheduleExpression: 'rate(15 minutes)' }));
  const queues = new SQSClient({});
  const buckets = new S3Client({ forcePathStyle: true });
  const queue = async (name: string, attributes: Record<string, string> = {}) =>
    (await queues.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))).QueueUrl ?? '';
  const redrive = JSON.stringify({ deadLetterTargetArn: arnOf('dlq'), maxReceiveCount: 5 });
  const recordsDlqUrl = await queue('dlq');
  const recordsQueueUrl = await queue('records', { RedrivePolicy: redrive });
  const [importDlqUrl, callsDlqUrl] = [await queue('import-dlq'), await queue('calls')];
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf('import-dlq'), maxReceiveCount: 20 });
  const importQueueUrl = await queue('import', { Policy: policyOf(letsS3Send), RedrivePolicy });
  await buckets.send(new CreateBucketCommand({ Bucket: 'drops' }));
  const versioned = { Bucket: 'drops', VersioningConfiguration: { Status: 'Enabled' } } as const;
  await buckets.send(new PutBucketVersioningCommand(versioned));
  const announce = (...rules: readonly Rule[]) =>
    buckets.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: 'drops',
        NotificationConfiguration: {
          QueueConfigurations: rules.map(({ prefix, suffix, events = ['s3:ObjectCreated:*'] }) => {
            const FilterRules = Object.entries({ prefix, suffix }).flatMap(([Name, Value]) =>
              Value === undefined ? [] : [{ Name: Name as 'prefix' | 'suffix', Value }],
            );
            const filter = FilterRules.length > 0 && { Filter: { Key: { FilterRules } } };
            return { QueueArn: arnOf('import'), Events: [...events], ...filter };
          }),
        },
      }),
    );
  const allow = (...statements: readonly object[]) =>
    queues.send(
      new SetQueueAttributesCommand({
        QueueUrl: importQueueUrl,
        Attributes: { Policy: policyOf(...statements) },
      }),
    );
  const encrypt = (KMSMasterKeyID: string | undefined) =>
    buckets.send(
      new PutBucketEncryptionCommand({
        Bucket: 'drops',
        ServerSideEncryptionConfiguration: {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: {
                SSEAlgorithm: 'aws:kms',
                ...(KMSMasterKeyID && { KMSMasterKeyID }),
              },
            },
          ],
        },
      }),
    );
  await announce({ prefix: 'imports/' });
  await new DynamoDBClient({}).send(
    new CreateTableCommand({
      TableName: 'state',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    }),
  );
  const settings: AwsSettings = {
    recordsQueueUrl,
    recordsDlqUrl,
    recordsFifoQueueUrl: '',
    recordsFifoDlqUrl: '',
    eventsQueueUrl: undefined,
    eventsDlqUrl: undefined,
    stateTable: 'state',
    importBucket: 'drops',
    importQueueUrl,
    importFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:importCsv:durable',
    importDlqUrl,
    callsDlqUrl,
    bucketKeys: [],
    eventSourceMappings: new Map([['records queue', 'uuid-1']]),
    schedules: new Map([['reconcileEvents', rule]]),
  };
  return {
    settings,
    queues,
    rules,
    announce,
    allow,
    encrypt,
    check: (aws: Partial<Inspection> = {}) => checkAws(settings, { ...inspectAws(), ...lambda, ...aws }),
  };
}

const subjectsOf = (findings: readonly Finding[], state: Finding['state']) =>
  findings.filter((finding) => finding.state === state).map(({ subject }) => subject);

const find = (findings: readonly Finding[], wanted: string) =>
  findings.find(({ subject }) => subject === wanted);

describe('the doctor’s look at AWS', () => {
  it('finds queues, table, bucket, function and quota in order', async () => {
    const { check } = await deployment();
    const findings = await check();
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(subjectsOf(findings, 'ok').sort()).toEqual(
      [
        'records queue',
        'records queue’s dead letters',
        'records queue’s mapping',
        'import queue',
        'import queue’s dead letters',
        'failed calls',
        'schedule of reconcileEvents',
        'state table',
        'import bucket',
        'import bucket’s key',
        'importCsv',
        'importCsv’s version',
        'quota',
      ].sort(),
    );
  });

  it('looks at nothing that the deployment does not have', async () => {
    const nothing: AwsSettings = {
      recordsQueueUrl: undefined,
      recordsDlqUrl: undefined,
      recordsFifoQueueUrl: undefined,
      recordsFifoDlqUrl: undefined,
      eventsQueueUrl: '',
      eventsDlqUrl: '',
      stateTable: undefined,
      importBucket: '',
      importQueueUrl: '',
      importFunctionArn: '',
      importDlqUrl: '',
      callsDlqUrl: undefined,
      bucketKeys: [],
      eventSourceMappings: new Map(),
      schedules: new Map(),
    };
    expect(await checkAws(nothing, { ...inspectAws(), ...lambda })).toEqual([]);
  });

  it('counts dead letters and says how to move them back', async () => {
    const { settings, queues, check } = await deployment();
    const letter = { QueueUrl: settings.recordsDlqUrl, MessageBody: '{}' };
    await queues.send(new SendMessageCommand(letter));
    expect(find(await check(), 'records queue’s dead letters')).toMatchObject({
      state: 'warning',
      found: expect.stringMatching(/^1, each kept for \d+ days$/),
      todo: expect.stringContaining('redrive'),
    });
  });

  it('counts failed calls and imports that could not be received', async () => {
    const { settings, queues, check } = await deployment();
    for (const QueueUrl of [settings.importDlqUrl, settings.callsDlqUrl])
      await queues.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
    const findings = await check();
    expect(subjectsOf(findings, 'warning').sort()).toEqual(['failed calls', 'import queue’s dead letters']);
    expect(find(findings, 'failed calls')?.todo).toContain('runbooks/failed-calls.md');
  });

  it.each([
    ['is disabled', { state: 'Disabled', lastResult: '' }, 'it is disabled', '--uuid uuid-1 --enabled'],
    [
      'has no rights',
      { state: 'Enabled', lastResult: 'PROBLEM: Access denied' },
      'PROBLEM: Access denied',
      'deploy again',
    ],
  ])('names an event source mapping that %s', async (_what, now, found, todo) => {
    const { check } = await deployment();
    const finding = find(await check({ mapping: async () => now }), 'records queue’s mapping');
    expect(finding).toMatchObject({ state: 'failed', found: expect.stringContaining(found) });
    expect(finding?.todo).toContain(todo);
  });

  it.each<[string, object[], Finding['state']]>([
    ['lets a rule send', [{ ...letsS3Send, Principal: { Service: 'events.amazonaws.com' } }], 'ok'],
    ['lets S3 send only', [letsS3Send], 'warning'],
  ])('reads the policy of an events queue that %s', async (_what, statements, state) => {
    const { settings, allow } = await deployment();
    await allow(...statements);
    const changed = { ...settings, eventsQueueUrl: settings.importQueueUrl, eventsDlqUrl: '' };
    const findings = await checkAws(changed, { ...inspectAws(), ...lambda });
    expect(find(findings, 'events queue’s policy')).toMatchObject({ state });
  });

  it('names a schedule that is disabled', async () => {
    const { rules, check } = await deployment();
    expect(find(await check(), 'schedule of reconcileEvents')).toMatchObject({ found: 'rate(15 minutes)' });
    await rules.send(new DisableRuleCommand({ Name: rule }));
    expect(find(await check(), 'schedule of reconcileEvents')).toMatchObject({
      state: 'failed',
      todo: expect.stringContaining('enable-rule --name every-15-minutes'),
    });
  });

  it('names a queue without its dead-letter queue', async () => {
    const { settings, queues, check } = await deployment();
    const changed = { QueueUrl: settings.recordsQueueUrl, Attributes: { RedrivePolicy: '' } };
    await queues.send(new SetQueueAttributesCommand(changed));
    expect(find(await check(), 'records queue')).toMatchObject({
      state: 'failed',
      found: 'no dead-letter queue',
    });
  });

  it.each<[string, Rule[], string]>([
    ['other objects', [{ prefix: 'elsewhere/' }], 'below imports/'],
    ['nothing', [], 'does not notify'],
    ['small files only', [{ prefix: 'imports/', events: ['s3:ObjectCreated:Put'] }], 'a large file'],
    ['one ending only', [{ prefix: 'imports/', suffix: '.csv' }], 'only objects that end in .csv'],
  ])('names a bucket that announces %s', async (_what, rules, found) => {
    const { announce, check } = await deployment();
    await announce(...rules);
    expect(find(await check(), 'import bucket')).toMatchObject({
      state: 'failed',
      found: expect.stringContaining(found),
    });
  });

  it.each<[string, Rule[]]>([
    ['mistyped folders first', [{ prefix: 'import/' }, { prefix: 'Imports/' }, { prefix: 'imports/' }]],
    ['everything', [{}]],
    [
      'each way to create an object by itself',
      [
        { prefix: 'imports/', events: ['s3:ObjectCreated:Put', 's3:ObjectCreated:Post'] },
        { prefix: 'imp', events: ['s3:ObjectCreated:Copy', 's3:ObjectCreated:CompleteMultipartUpload'] },
      ],
    ],
  ])('takes a bucket that announces %s', async (_what, rules) => {
    const { announce, check } = await deployment();
    await announce(...rules);
    expect(find(await check(), 'import bucket')).toMatchObject({ state: 'ok' });
  });

  it.each<[string, object[]]>([
    ['denies it', [{ ...letsS3Send, Effect: 'Deny' }]],
    ['allows and denies it', [letsS3Send, { ...letsS3Send, Effect: 'Deny', Principal: '*' }]],
    ['lets S3 receive only', [{ ...letsS3Send, Action: ['sqs:ReceiveMessage'] }]],
    ['speaks of another queue', [{ ...letsS3Send, Resource: arnOf('other') }]],
    ['lets another bucket send', [{ ...letsS3Send, Condition: forBucket('others') }]],
    ['lets another service send', [{ ...letsS3Send, Principal: { Service: ['sns.amazonaws.com'] } }]],
  ])('names an import queue whose policy %s', async (_what, statements) => {
    const { allow, check } = await deployment();
    await allow(...statements);
    expect(find(await check(), 'import bucket')).toMatchObject({
      state: 'failed',
      found: expect.stringContaining('does not let S3 send'),
    });
  });

  it.each<[string, object[]]>([
    ['for this bucket', [{ ...letsS3Send, Condition: forBucket('drops') }, onlyOverTls]],
    ['for all of the account', [onlyOverTls, { ...letsS3Send, Condition: forBucket('*') }]],
    ['for everybody', [{ ...letsS3Send, Principal: '*', Action: ['SQS:Send*'] }]],
  ])('takes an import queue whose policy allows it %s', async (_what, statements) => {
    const { allow, check } = await deployment();
    await allow(...statements);
    expect(find(await check(), 'import bucket')).toMatchObject({ state: 'ok' });
  });

  it('names what was deleted by hand, and goes on', async () => {
    const { settings } = await deployment();
    const gone = { ...settings, stateTable: 'gone', importBucket: 'gone-too' };
    const findings = await checkAws(gone, { ...inspectAws(), ...lambda });
    expect(subjectsOf(findings, 'failed').sort()).toEqual([
      'import bucket',
      'import bucket’s key',
      'state table',
    ]);
    expect(find(findings, 'state table')?.found).toBe('it does not exist in this account and region');
    expect(find(findings, 'records queue')).toMatchObject({ state: 'ok' });
  });

  const [ourKey, otherKey] = ['our', 'other'].map((id) => `arn:aws:kms:us-east-1:000000000000:key/${id}`);

  it.each<[string, string | undefined, Finding['state'], string]>([
    ['AWS’s own key', undefined, 'ok', 'one of AWS'],
    ['AWS’s own key by its alias', 'arn:aws:kms:us-east-1:000000000000:alias/aws/s3', 'ok', 'one of AWS'],
    ['the key of the deployment', ourKey, 'ok', 'the KMS key of the deployment'],
    ['the key of the deployment by its id', 'our', 'ok', 'the KMS key of the deployment'],
    ['another key', otherKey, 'failed', 'encrypts with key/other, which the functions may not use'],
    ['another key by its id', 'other', 'failed', 'encrypts with key/other'],
    ['an alias', 'alias/drops', 'warning', 'by an alias'],
  ])('reads that the bucket encrypts with %s', async (_what, KMSMasterKeyID, state, found) => {
    const { settings, encrypt } = await deployment();
    await encrypt(KMSMasterKeyID);
    const changed = { ...settings, bucketKeys: [ourKey ?? ''] };
    const finding = find(await checkAws(changed, { ...inspectAws(), ...lambda }), 'import bucket’s key');
    expect(finding).toMatchObject({ state, found: expect.stringContaining(found) });
    expect(finding?.todo?.includes('importBucketKmsKeyArn')).toBe(state === 'ok' ? undefined : true);
  });

  it.each<[string, Partial<AliasNow>, Finding['state'], string]>([
    [
      'is behind',
      { differences: ['Environment'] },
      'warning',
      'version 7, from which the function differs by now in Environment',
    ],
    [
      'has no key',
      { state: 'Failed', reasonCode: 'DisabledKMSKey' },
      'failed',
      'version 7 is Failed (DisabledKMSKey)',
    ],
    ['is no version', { version: '$LATEST' }, 'failed', 'names $LATEST'],
  ])('names a version for imports that %s', async (_what, now, state, found) => {
    const { check } = await deployment();
    const findings = await check({ alias: async () => ({ ...newest, ...now }) });
    expect(find(findings, 'importCsv’s version')).toMatchObject({
      state,
      found: expect.stringContaining(found),
    });
  });

  it('compares the version of an alias with the function as it is now', async () => {
    const { settings } = await deployment();
    const same = { State: 'Active', MemorySize: 1_769, VpcConfig: { SubnetIds: [], VpcId: '' } };
    const server = createServer((request, response) => {
      const isVersion = request.url?.endsWith('/configuration?Qualifier=durable');
      const answer = isVersion
        ? { ...same, Version: '4', Environment: { Variables: { A: '1', B: '2' } }, Timeout: 900 }
        : {
            ...same,
            VpcConfig: { VpcId: '', SubnetIds: [] },
            Version: '$LATEST',
            Environment: { Variables: { B: '2', A: '1' } },
            Timeout: 600,
          };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a server on TCP has a port');
    process.env['AWS_ENDPOINT_URL_LAMBDA'] = `http://127.0.0.1:${address.port}`;
    expect(await inspectAws().alias(settings.importFunctionArn ?? '')).toEqual({
      version: '4',
      differences: ['Timeout'],
      state: 'Active',
      reasonCode: '',
    });
  });

  it('warns of a quota that a burst would reach', async () => {
    const { check } = await deployment();
    const findings = await check({ concurrency: async () => ({ limit: 10, unreserved: 10 }) });
    expect(find(findings, 'quota')).toMatchObject({
      state: 'warning',
      found: '10 of 10 concurrent executions are not reserved',
    });
  });

  it('names the action and the boundary that forbids it', async () => {
    const { settings } = await deployment();
    const message =
      'User: arn:aws:sts::000000000000:assumed-role/x/y is not authorized to perform: sqs:getqueueattributes because no permissions boundary allows the action';
    const server = createServer((_request, response) => {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: 'com.amazon.coral.service#AccessDeniedException', message }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a server on TCP has a port');
    const forbidden = {
      ...settings,
      recordsQueueUrl: `http://127.0.0.1:${address.port}/000000000000/records`,
    };
    const finding = find(await checkAws(forbidden, { ...inspectAws(), ...lambda }), 'records queue');
    expect(finding).toMatchObject({
      state: 'failed',
      found: 'sqs:GetQueueAttributes is not allowed by the permissions boundary of the role',
      todo: 'allow sqs:GetQueueAttributes in the permissions boundary of the role',
    });
  });

  it('suspects the way out of the VPC where nothing answers', async () => {
    const { settings } = await deployment();
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = 'http://127.0.0.1:1';
    const finding = find(await checkAws(settings, { ...inspectAws(), ...lambda }), 'state table');
    expect(finding).toMatchObject({ state: 'failed', found: 'no answer to dynamodb:DescribeTable' });
    expect(finding?.todo).toContain('VPC endpoint of dynamodb');
  });
});

const failure = (name: string, message = '') => Object.assign(new Error(message), { name });

describe('an error of AWS', () => {
  it.each([
    [
      failure('AccessDeniedException', 'not authorized to perform: s3:GetObject'),
      'denied',
      /^s3:GetObject is not allowed$/,
    ],
    [
      failure('AccessDenied', 'with an explicit deny in a service control policy'),
      'denied',
      /by a service control policy/,
    ],
    [
      failure('AccessDenied', 'because no VPC endpoint policy allows it'),
      'denied',
      /by the policy of the VPC endpoint/,
    ],
    [
      failure('AccessDeniedException', 'User is not authorized to perform: kms:Decrypt'),
      'key-denied',
      /KMS key/,
    ],
    [failure('KMS.DisabledException'), 'key-denied', /KMS.DisabledException/],
    [failure('KmsAccessDenied'), 'key-denied', /KMS key/],
    [failure('TooManyRequestsException'), 'quota', /quota of AWS is reached/],
    [failure('ProvisionedThroughputExceededException'), 'quota', /quota of AWS is reached/],
    [failure('OverLimit'), 'quota', /quota of AWS is reached/],
    [failure('SlowDown'), 'quota', /quota of AWS is reached/],
    [failure('TimeoutError'), 'no-answer', /^no answer$/],
    [failure('Error', 'getaddrinfo ENOTFOUND sqs.us-east-1.amazonaws.com'), 'no-answer', /^no answer$/],
    [failure('InternalFailure', 'secret account 123'), 'other', /^InternalFailure$/],
    ['text', 'other', /^UnknownError$/],
  ])('is explained: %s', (error, kind, reason) => {
    expect(explainFailure(error, 's3:GetObject')).toMatchObject({
      kind,
      reason: expect.stringMatching(reason),
    });
  });
});
