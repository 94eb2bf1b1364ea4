import { beforeAll, describe, expect, it } from 'vitest';
import { mappingsFolder } from '../../deploy/bundled-mappings.ts';
import { checkTemplate } from '../../deploy/check/check-template.ts';
import { type Deployment, deployedTemplate, withParameters } from '../../deploy/check/deployed-template.ts';
import { deployments } from '../../deploy/check/deployments.ts';
import { packageFunctions } from '../../deploy/package.ts';
import { asTemplate, readTemplate, type Template } from '../../emulator/aws/template/template.ts';
import { compileMappings } from '../../lib/events/compile.ts';

let templateFile: string;
let whole: Template;

beforeAll(async () => {
  ({ templateFile } = await packageFunctions());
  whole = await readTemplate(templateFile);
});

/** What CloudFormation would create. */
function deployed({ region, parameters = {} }: Deployment = {}): Template {
  return asTemplate(deployedTemplate(withParameters(whole, parameters), region));
}

const ofType = ({ Resources }: Template, type: string) =>
  Object.entries(Resources).filter(([, { Type }]) => Type === type);

/** The resources that a deployment has less (or more, with the arguments swapped) than another. */
function missing(one: Template, other: Template): string[] {
  return Object.keys(other.Resources).filter((name) => !(name in one.Resources));
}

describe('a deployment', () => {
  it.each(Object.entries(deployments))('%s passes the validator and every check', async (_, deployment) => {
    expect(await checkTemplate(templateFile, deployment)).toEqual([]);
  });

  it('passes with every combination of what can be left out', async () => {
    const choices = [{ Imports: 'false' }, { Events: 'false' }, { RecordsFifo: 'true' }, { Http: 'false' }];
    const all = choices.reduce<Readonly<Record<string, string>>[]>(
      (sets, choice) => sets.flatMap((set) => [set, { ...set, ...choice }]),
      [{}],
    );
    expect(all).toHaveLength(16);
    for (const parameters of all)
      expect([parameters, await checkTemplate(templateFile, { parameters })]).toEqual([parameters, []]);
  });

  it('without the HTTP API has every function and none of its routes', () => {
    const without = deployed({ parameters: { Http: 'false' } });
    const gone = missing(without, deployed());
    expect(
      gone.every((name) => /^HttpApi|^Http(?:AccessLog|CallerPolicy)$|LambdaPermissionHttpApi$/.test(name)),
    ).toBe(true);
    expect(ofType(without, 'AWS::ApiGatewayV2::Route')).toEqual([]);
    expect(JSON.stringify(without)).not.toContain('"HttpApi"');
  });

  it('without imports has nothing that needs durable functions, no bucket and no import queue', () => {
    const without = deployed({ region: 'cn-north-1', parameters: { Imports: 'false' } });
    expect(JSON.stringify(without.Resources)).not.toMatch(/DurableConfig|ImportCsv|StartImport|ImportQueue/);
    expect(ofType(without, 'AWS::S3::Bucket').map(([name]) => name)).toEqual(['ServerlessDeploymentBucket']);
    expect(Object.keys(without.Resources)).toContain('WriteRecordsLambdaFunction');
  });

  it('takes its FIFO queues out of the stack with their messages', () => {
    const without = deployed({ parameters: { Events: 'false' } });
    const queues = missing(without, deployed({ parameters: { Events: 'false', RecordsFifo: 'true' } }));
    const { Resources } = deployed({ parameters: { RecordsFifo: 'true' } });
    for (const name of queues.filter((one) => Resources[one]?.Type === 'AWS::SQS::Queue'))
      expect(Resources[name]).toMatchObject({
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
    expect(queues).toContain('RecordsFifoQueue');
  });

  it('keeps everything with data when it is removed, under names that block no new stack', () => {
    for (const type of ['AWS::SQS::Queue', 'AWS::DynamoDB::Table', 'AWS::S3::Bucket']) {
      const stateful = ofType(deployed({ parameters: { RecordsFifo: 'true' } }), type);
      for (const [name, resource] of stateful.filter(([id]) => id !== 'ServerlessDeploymentBucket')) {
        expect([name, resource['DeletionPolicy']]).toEqual([name, 'RetainExceptOnCreate']);
        expect([name, resource['UpdateReplacePolicy']]).toEqual([name, 'Retain']);
        expect(Object.keys(resource.Properties)).not.toContain(/(Queue|Table|Bucket)Name/);
      }
    }
  });

  it('keeps the versions that running imports need, and none of a deployment that failed', () => {
    const [[, version] = []] = ofType(deployed(), 'AWS::Lambda::Version');
    expect(version).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      // CloudFormation replaces a version, and so publishes one, when its description changes.
      Properties: { Description: { 'Fn::Sub': `settings \${Revision}` } },
    });
    const environment = deployed().Resources['ImportCsvLambdaFunction']?.Properties['Environment'];
    // Lambda publishes no second version of a function that has not changed.
    expect(environment).toMatchObject({ Variables: { REVISION: { Ref: 'Revision' } } });
  });

  it.each([
    ['CloudFormation names', {}, undefined],
    ['the user names', { ImportBucketName: 'drops' }, { Ref: 'ImportBucketName' }],
  ])('makes a bucket that %s', (_, parameters, name) => {
    expect(deployed({ parameters }).Resources['ImportBucket']?.Properties['BucketName']).toEqual(name);
  });

  it('uses a bucket that exists and makes none', () => {
    const using = deployed({ parameters: { ImportBucketName: 'drops', ImportBucketExists: 'true' } });
    expect(missing(using, deployed())).toEqual(['ImportBucket', 'ImportBucketPolicy']);
    expect(JSON.stringify(using)).not.toContain('"Ref":"ImportBucket"');
    expect(using.Resources['ImportQueuePolicy']).toMatchObject({
      Properties: {
        PolicyDocument: { Statement: [{}, { Condition: { ArnLike: { 'aws:SourceArn': {} } } }] },
      },
    });
  });

  it('encrypts everything that holds data with the key of the user, and lets each role use it', () => {
    const { Resources } = deployed({
      parameters: { KmsKeyArn: 'arn:aws:kms:us-east-1:1:key/k', RecordsFifo: 'true' },
    });
    const key = { Ref: 'KmsKeyArn' };
    const expected: Readonly<Record<string, object>> = {
      'AWS::SQS::Queue': { KmsMasterKeyId: key, SqsManagedSseEnabled: false },
      'AWS::DynamoDB::Table': { SSESpecification: { SSEType: 'KMS', KMSMasterKeyId: key } },
      'AWS::Logs::LogGroup': { KmsKeyId: key },
      'AWS::Lambda::Function': { KmsKeyArn: key },
      'AWS::IAM::Role': {
        Policies: [
          {
            PolicyDocument: {
              Statement: expect.arrayContaining([
                { Effect: 'Allow', Action: ['kms:Decrypt'], Resource: expect.arrayContaining([key]) },
              ]),
            },
          },
        ],
      },
    };
    for (const [name, { Type, Properties }] of Object.entries(Resources))
      if (Type in expected) expect([name, Properties]).toMatchObject([name, expected[Type]]);
    expect(Resources['ImportBucket']?.Properties['BucketEncryption']).toMatchObject({
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } },
      ],
    });
    for (const name of ['WriteRecords', 'StartImport', 'ImportCsv'])
      expect(JSON.stringify(Resources[`${name}IamRoleLambdaExecution`])).toContain('kms:GenerateDataKey');
    expect(JSON.stringify(Resources['GetRecordsIamRoleLambdaExecution'])).not.toContain(
      'kms:GenerateDataKey',
    );
  });

  it('reads a secret under a key of its own and encrypts nothing else with it', () => {
    const { Resources } = deployed({ parameters: { SecretKmsKeyArn: 'arn:aws:kms:us-east-1:1:key/k' } });
    const text = JSON.stringify(Resources);
    const roles = ofType(deployed(), 'AWS::IAM::Role');
    expect(text.split('kms:Decrypt')).toHaveLength(roles.length + 1);
    expect(text).not.toMatch(/KmsMasterKeyId|KMSMasterKeyI|kms:GenerateDataKey/);
    expect(JSON.stringify(deployed().Resources)).not.toContain('kms:');
  });

  it('lets the roles of imports, and droppers, use the key of a bucket that exists', () => {
    const using = deployed({
      parameters: {
        ImportBucketName: 'drops',
        ImportBucketExists: 'true',
        RedropEvery: 'rate(6 hours)',
        ImportBucketKmsKeyArn: 'arn:aws:kms:us-east-1:1:key/k',
      },
    });
    const names = Object.entries(using.Resources)
      .filter(([, resource]) => JSON.stringify(resource).includes('"ImportBucketKmsKeyArn"'))
      .map(([name]) => name.replace('IamRoleLambdaExecution', ''));
    expect(names.toSorted()).toEqual(['DropperPolicy', 'ImportCsv', 'RedropImports', 'StartImport']);
    expect(JSON.stringify(deployed().Resources)).not.toContain('ImportBucketKmsKeyArn');
  });

  it('bounds every role, and puts it below a path', () => {
    const bounded = deployed({ parameters: { PermissionsBoundary: 'arn:aws:iam::1:policy/b' } });
    for (const [name, { Properties }] of ofType(bounded, 'AWS::IAM::Role'))
      expect([name, Properties]).toMatchObject([
        name,
        { PermissionsBoundary: { Ref: 'PermissionsBoundary' }, Path: { Ref: 'RolePath' } },
      ]);
    expect(JSON.stringify(deployed().Resources)).not.toContain('"PermissionsBoundary"');
  });

  it('puts every function and no other thing into the VPC', () => {
    const inVpc = deployed({ parameters: { VpcSubnetIds: 'subnet-1', VpcSecurityGroupIds: 'sg-1' } });
    for (const [name, { Properties }] of ofType(inVpc, 'AWS::Lambda::Function'))
      expect([name, Object.keys(Properties)]).toEqual([name, expect.arrayContaining(['VpcConfig'])]);
    const roles = JSON.stringify(ofType(inVpc, 'AWS::IAM::Role'));
    expect(roles).toContain('ec2:CreateNetworkInterface');
    expect(roles).not.toMatch(/logs:CreateLogGroup|AWSLambdaVPCAccess/);
    expect(JSON.stringify(deployed())).not.toMatch(/VpcConfig|ec2:/);
  });

  it('lets a topic send what it cannot deliver to the dead-letter queue', () => {
    const { Resources } = deployed();
    for (const [, { Properties }] of ofType(deployed(), 'AWS::SNS::Subscription'))
      expect(Properties).toMatchObject({
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['EventsDeadLetterQueue', 'Arn'] } },
      });
    expect(Resources['EventsDeadLetterQueuePolicy']?.Properties['PolicyDocument']).toMatchObject({
      Statement: expect.arrayContaining([
        expect.objectContaining({
          Principal: { Service: 'sns.amazonaws.com' },
          Condition: { ArnEquals: { 'aws:SourceArn': { Ref: 'EventsTopic' } } },
        }),
      ]),
    });
    expect(JSON.stringify(deployed({ parameters: { EventsSnsTopic: 'false' } }).Resources)).not.toContain(
      'EventsTopic',
    );
  });

  it('names EventBridge in no policy of a topic: it supports no conditions there', () => {
    const [[, policy] = []] = ofType(deployed(), 'AWS::SNS::TopicPolicy');
    expect(JSON.stringify(policy)).toContain('cloudwatch.amazonaws.com');
    expect(JSON.stringify(policy)).not.toContain('events.amazonaws.com');
  });

  it('lets only the functions that wake themselves run in a loop', () => {
    const looping = ofType(deployed(), 'AWS::Lambda::Function').filter(
      ([, { Properties }]) => Properties['RecursiveLoop'] === 'Allow',
    );
    expect(looping.map(([name]) => name).toSorted()).toEqual([
      'ImportCsvLambdaFunction',
      'StartImportLambdaFunction',
    ]);
  });

  it('asks for tokens on every route instead of signatures', () => {
    const parameters = { Authorizer: 'jwt', JwtIssuer: 'https://a.example.com', JwtAudience: 'b' };
    for (const [, { Properties }] of ofType(deployed({ parameters }), 'AWS::ApiGatewayV2::Route')) {
      expect(Properties).toMatchObject({ AuthorizationType: 'JWT', AuthorizerId: { Ref: 'JwtAuthorizer' } });
      expect(Properties).not.toHaveProperty('AuthorizationScopes');
    }
    for (const [, { Properties }] of ofType(deployed(), 'AWS::ApiGatewayV2::Route'))
      expect(Properties).toMatchObject({ AuthorizationType: 'AWS_IAM' });
    expect(deployed().Resources).not.toHaveProperty('JwtAuthorizer');
  });

  it('deletes dropped files and results only where a param says after how long', () => {
    const rules = (parameters: Readonly<Record<string, string>>) =>
      JSON.stringify(
        deployed({ parameters }).Resources['ImportBucket']?.Properties['LifecycleConfiguration'],
      );
    expect(rules({})).not.toContain('"ExpirationInDays"');
    expect(rules({})).toContain('"ExpiredObjectDeleteMarker":true');
    // Without the tag the rule would delete the settings of a folder too.
    expect(rules({ DropRetentionInDays: '30' })).toContain(
      '"Prefix":"imports/","TagFilters":[{"Key":"servicenow-functions","Value":"drop"}],"ExpirationInDays"',
    );
    expect(rules({ ResultRetentionInDays: '30' })).toContain('"Prefix":"results/","ExpirationInDays"');
  });

  it('traces every function only where it is asked to', () => {
    const { Resources } = deployed({ parameters: { Tracing: 'true' } });
    for (const [name, { Type, Properties }] of Object.entries(Resources)) {
      if (Type === 'AWS::Lambda::Function')
        expect([name, Properties]).toMatchObject([name, { TracingConfig: { Mode: 'Active' } }]);
      if (Type === 'AWS::IAM::Role')
        expect([name, JSON.stringify(Properties)]).toEqual([
          name,
          expect.stringContaining('xray:PutTraceSegments'),
        ]);
    }
    expect(JSON.stringify(deployed().Resources)).not.toMatch(/xray|TracingConfig/);
  });

  it('refuses, as rules, what packaging refuses', () => {
    expect(Object.keys(Object(whole['Rules']))).toEqual([
      'WholeVpc',
      'TracingIsAvailable',
      'JwtIsConfigured',
      'ExistingBucketIsNamed',
      'BucketKeyIsOfExistingBucket',
    ]);
  });

  it('fits into one stack, with room', () => {
    expect(Object.keys(whole.Resources).length).toBeLessThan(450);
    expect(JSON.stringify(whole).length).toBeLessThan(800_000);
  });
});

describe('events', () => {
  it('leave nothing behind when they are switched off, the FIFO queue included', () => {
    const without = deployed({ parameters: { Events: 'false' } });
    expect(JSON.stringify(without)).not.toMatch(/MapEvents|Events(Queue|DeadLetterQueue|Topic)|EventRule/);
    expect(without.Resources).not.toHaveProperty('RecordsFifoQueue');
  });

  it('have a rule for each mapping file, with the pattern of the file', () => {
    const rules = ofType(deployed(), 'AWS::Events::Rule').map(
      ([, { Properties }]) => Properties['EventPattern'],
    );
    const patterns = compileMappings(mappingsFolder).map(({ when }) => when);
    expect(rules.filter((pattern) => pattern !== undefined)).toEqual(patterns);
  });

  it('let no other account send unless it is named', () => {
    const senders = ({ Resources }: Template) =>
      JSON.stringify(Resources['EventsQueuePolicy']).match(/"Sid":"\w+"/g);
    const ours = ['"Sid":"OnlyOverTls"', '"Sid":"OurTopicSends"', '"Sid":"OurRulesSend"'];
    expect(senders(deployed())).toEqual(ours);
    expect(senders(deployed({ parameters: { EventsSnsTopic: 'false' } }))).toEqual([ours[0], ours[2]]);
    const named = ['"Sid":"NamedRulesSend"', '"Sid":"NamedTopicsSend"', '"Sid":"NamedAccountsSend"'];
    expect(senders(deployed({ parameters: { EventSenders: '111122223333' } }))).toEqual([...ours, ...named]);
  });
});
