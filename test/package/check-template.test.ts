import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTemplate } from '../../deploy/check/check-template.ts';
import { packageFunctions } from '../../deploy/package.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** What is put where in the template's resources, by path; undefined takes it away. */
type Changes = Readonly<Record<string, Json | undefined>>;

let folder: string;
let whole: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-template-'));
  whole = await readFile((await packageFunctions()).templateFile, 'utf8');
});
afterAll(() => rm(folder, { recursive: true }));

/** What is found in our template with `changes`: `rule where`, one a finding. */
async function findingsWith(changes: Changes): Promise<string[]> {
  const template: { Resources: Json } = JSON.parse(whole);
  for (const [path, value] of Object.entries(changes)) change(template.Resources, path.split('.'), value);
  const file = join(folder, 'template.json');
  await writeFile(file, JSON.stringify(template));
  return (await checkTemplate(file)).map(({ rule, where }) => `${rule} ${where}`);
}

function change(inside: Json | undefined, [name = '', ...rest]: string[], value: Json | undefined): void {
  if (typeof inside !== 'object' || inside === null) throw new Error(`nothing is at …${name}`);
  if (rest.length > 0) change(Reflect.get(inside, name), rest, value);
  else if (value === undefined) Reflect.deleteProperty(inside, name);
  else Reflect.set(inside, name, value);
}

describe('check:template', () => {
  it('finds nothing in our own template', async () => {
    expect(await findingsWith({})).toEqual([]);
  });

  it('refuses what CloudFormation or Lambda would refuse', async () => {
    const findings = await findingsWith({
      'GetRecordsLambdaFunction.Properties.MemorySize': 'much',
      'PostRecordLambdaFunction.Properties.Runtime': 'nodejs99.x',
      'DoctorLambdaFunction.Properties.Handlr': 'index.handler',
      'PutRecordByIdLambdaFunction.Properties.Role': undefined,
      'RecordsQueue.Type': 'AWS::SQS::Qeue',
      'ImportQueue.Properties.RedrivePolicy.deadLetterTargetArn': { 'Fn::GetAtt': ['Nothing', 'Arn'] },
    });
    for (const [rule, logicalId] of [
      ['F3012', 'GetRecordsLambdaFunction'],
      ['W3030', 'PostRecordLambdaFunction'],
      ['F3002', 'DoctorLambdaFunction'],
      ['F3003', 'PutRecordByIdLambdaFunction'],
      ['F3006', 'RecordsQueue'],
      ['F1020', 'ImportQueue'],
    ])
      expect(findings).toContainEqual(expect.stringMatching(`^${rule} ${logicalId}`));
  });

  it('refuses rights that do not exist or are wider than one thing', async () => {
    const statement = 'IamRoleLambdaExecution.Properties.Policies.0.PolicyDocument.Statement.0';
    const findings = await findingsWith({
      [`WriteRecords${statement}.Action`]: ['sqs:RecieveMessage'],
      [`StartImport${statement}.Action`]: ['s3:*'],
      [`Doctor${statement}.Resource`]: '*',
      [`GetRecords${statement}.Resource`]: [{ 'Fn::Sub': `arn:aws:sqs:\${AWS::Region}:*:records` }],
      [`PostRecord${statement}.Resource`]: {
        'Fn::Sub': `arn:aws:logs:eu-west-1:\${AWS::AccountId}:log-group:*`,
      },
      [`ImportCsv${statement}.Resource`]: 'arn:aws:s3:::*',
    });
    expect(findings.sort()).toEqual([
      'iam-action WriteRecordsIamRoleLambdaExecution',
      'least-privilege DoctorIamRoleLambdaExecution',
      'least-privilege GetRecordsIamRoleLambdaExecution',
      'least-privilege ImportCsvIamRoleLambdaExecution',
      'least-privilege PostRecordIamRoleLambdaExecution',
      'least-privilege StartImportIamRoleLambdaExecution',
    ]);
  });

  it('refuses a template that breaks a promise of ours', async () => {
    const findings = await findingsWith({
      'HttpApiRouteGetApiNowTableTablenameVar.Properties.AuthorizationType': 'NONE',
      'RecordsQueue.Properties.VisibilityTimeout': 360,
      'GetRecordsLambdaFunction.Properties.Role': {
        'Fn::GetAtt': ['PostRecordIamRoleLambdaExecution', 'Arn'],
      },
      'DoctorLogGroup.Properties.RetentionInDays': undefined,
      'HttpApiStage.Properties.DefaultRouteSettings': undefined,
      'ImportQueue.Properties.RedrivePolicy': undefined,
      'StartImportEventSourceMappingSQSImportQueue.Properties.FunctionResponseTypes': undefined,
      'ImportQueue.Properties.SqsManagedSseEnabled': undefined,
      ImportDeadLetterQueuePolicy: undefined,
      'ImportQueuePolicy.Properties.PolicyDocument.Statement.1.Condition': undefined,
      'ImportBucket.Properties.PublicAccessBlockConfiguration.BlockPublicAcls': undefined,
      'ImportBucket.Properties.BucketEncryption': undefined,
      ImportBucketPolicy: undefined,
    });
    expect(findings).toEqual([
      'authorized-routes GET /api/now/table/{tableName}',
      'throttling HttpApiStage',
      'visibility-timeout arn:aws:sqs:us-east-1:000000000000:RecordsQueue',
      'dead-letter-queue arn:aws:sqs:us-east-1:000000000000:ImportQueue',
      'batch-item-failures arn:aws:sqs:us-east-1:000000000000:ImportQueue',
      'own-role GetRecordsLambdaFunction, PostRecordLambdaFunction',
      'log-retention doctor',
      'encryption ImportQueue',
      'tls-only ImportDeadLetterQueue',
      'bound-senders ImportQueuePolicy',
      'public-access ImportBucket',
      'encryption ImportBucket',
      'tls-only ImportBucket',
    ]);
  });
});
