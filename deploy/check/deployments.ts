import { partitions } from '../partitions.ts';
import type { Deployment } from './deployed-template.ts';

const keyArn = 'arn:aws:kms:us-east-1:111122223333:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';

/** Each switch and setting of the template that changes what it consists of, turned by itself. */
const switches: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'without the HTTP API': { Http: 'false' },
  'tokens instead of signed requests': {
    Authorizer: 'jwt',
    JwtIssuer: 'https://issuer.example.com/',
    JwtAudience: 'servicenow-functions,other',
    JwtScopes: 'servicenow/read,servicenow/write',
  },
  'a FIFO queue': { RecordsFifo: 'true' },
  'a longer batch': { RecordsBatchingSeconds: '30' },
  'redrive by schedule': { RedriveEvery: 'rate(6 hours)' },
  'files dropped again by schedule': { RedropEvery: 'rate(6 hours)' },
  'without events': { Events: 'false' },
  'without the topic of events': { EventsSnsTopic: 'false' },
  'named senders': {
    EventSenders:
      'arn:aws:events:us-east-1:111122223333:rule/alarms,arn:aws:sns:us-east-1:111122223333:alarms,444455556666',
  },
  'without imports': { Imports: 'false' },
  'a bucket with a name': { ImportBucketName: 'drops-of-our-own' },
  'a bucket that exists': {
    ImportBucketName: 'drops-of-ours',
    ImportBucketExists: 'true',
    ImportBucketKmsKeyArn: keyArn,
  },
  retention: { DropRetentionInDays: '30', ResultRetentionInDays: '90', LogRetentionInDays: '365' },
  'a key of the user': { KmsKeyArn: keyArn },
  'a key for the secret only': { SecretKmsKeyArn: keyArn },
  'a secret by its ARN': { SecretId: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ours-AbCdEf' },
  'several secrets': {
    SecretId: '{"prod":"prod","dev":"dev"}',
    SecretArns:
      'arn:aws:secretsmanager:us-east-1:111122223333:secret:prod-AbCdEf,arn:aws:secretsmanager:us-east-1:111122223333:secret:dev-AbCdEf',
  },
  'a VPC': { VpcSubnetIds: 'subnet-0a1b2c3d,subnet-1a2b3c4d', VpcSecurityGroupIds: 'sg-0a1b2c3d' },
  'bounded roles': { PermissionsBoundary: 'arn:aws:iam::111122223333:policy/boundary', RolePath: '/apps/' },
  alarms: { AlarmTopicArn: 'arn:aws:sns:us-east-1:111122223333:on-call', RunbookUrl: 'https://example.com/' },
  tracing: { Tracing: 'true' },
  'a dashboard': { Dashboard: 'true' },
  'outcome events': { OutcomeBusArn: 'arn:aws:events:us-east-1:111122223333:event-bus/ours' },
  'reserved concurrency': { ReservedConcurrency: '5' },
};

/** Every variant that the template is checked in: as it comes, each switch, all of them at once, and each partition. */
export const deployments: Readonly<Record<string, Deployment>> = {
  'as it comes': {},
  ...Object.fromEntries(Object.entries(switches).map(([name, parameters]) => [name, { parameters }])),
  'everything at once': {
    parameters: Object.assign({}, ...Object.values(switches), {
      Http: 'true',
      Imports: 'true',
      Events: 'true',
      EventsSnsTopic: 'true',
      ImportBucketExists: 'false',
      ImportBucketKmsKeyArn: '',
    }),
  },
  ...Object.fromEntries(
    partitions.map(({ name, exampleRegion, features }) => [
      `partition ${name}`,
      {
        region: exampleRegion,
        parameters: features.imports === 'documented' ? {} : { Imports: 'false' },
      },
    ]),
  ),
};
