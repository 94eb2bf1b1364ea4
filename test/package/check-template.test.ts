import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTemplate } from '../../local/package/check/check-template.ts';
import { packageFunctions } from '../../local/package/package.ts';

// biome-ignore lint/suspicious/noExplicitAny: a template is broken in ways that no type would allow
type Broken = any;

let folder: string;
let whole: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-template-'));
  whole = await readFile((await packageFunctions()).templateFile, 'utf8');
});
afterAll(() => rm(folder, { recursive: true }));

/** What is found in our template after `breakIt`: `rule where`, one a finding. */
async function findingsAfter(breakIt: (resources: Broken) => void): Promise<string[]> {
  const template: Broken = JSON.parse(whole);
  breakIt(template.Resources);
  const file = join(folder, 'template.json');
  await writeFile(file, JSON.stringify(template));
  return (await checkTemplate(file)).map(({ rule, where }) => `${rule} ${where}`);
}

describe('check:template', () => {
  it('finds nothing in our own template', async () => {
    expect(await findingsAfter(() => {})).toEqual([]);
  });

  it('refuses what CloudFormation or Lambda would refuse', async () => {
    const findings = await findingsAfter((resources) => {
      resources.GetRecordsLambdaFunction.Properties.MemorySize = 'much';
      resources.PostRecordLambdaFunction.Properties.Runtime = 'nodejs99.x';
      resources.DoctorLambdaFunction.Properties.Handlr = 'index.handler';
      delete resources.PutRecordByIdLambdaFunction.Properties.Role;
      resources.RecordsQueue.Type = 'AWS::SQS::Qeue';
      resources.ImportQueue.Properties.RedrivePolicy.deadLetterTargetArn = {
        'Fn::GetAtt': ['Nothing', 'Arn'],
      };
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
    const findings = await findingsAfter((resources) => {
      const policy = (id: string) =>
        resources[`${id}IamRoleLambdaExecution`].Properties.Policies[0].PolicyDocument.Statement;
      policy('WriteRecords')[0].Action = ['sqs:RecieveMessage'];
      policy('StartImport')[0].Action = ['s3:*'];
      policy('Doctor')[0].Resource = '*';
    });
    expect(findings).toEqual([
      'iam-action WriteRecordsIamRoleLambdaExecution',
      'least-privilege StartImportIamRoleLambdaExecution',
      'least-privilege DoctorIamRoleLambdaExecution',
    ]);
  });

  it('refuses a template that breaks a promise of ours', async () => {
    const findings = await findingsAfter((resources) => {
      resources.HttpApiRouteGetApiNowTableTablenameVar.Properties.AuthorizationType = 'NONE';
      resources.RecordsQueue.Properties.VisibilityTimeout = 360;
      resources.GetRecordsLambdaFunction.Properties.Role = resources.PostRecordLambdaFunction.Properties.Role;
      delete resources.DoctorLogGroup.Properties.RetentionInDays;
      delete resources.ImportQueue.Properties.SqsManagedSseEnabled;
      delete resources.ImportDeadLetterQueuePolicy;
      delete resources.ImportBucket.Properties.PublicAccessBlockConfiguration.BlockPublicAcls;
      delete resources.ImportBucket.Properties.BucketEncryption;
      delete resources.ImportBucketPolicy;
    });
    expect(findings).toEqual([
      'authorized-routes GET /api/now/table/{tableName}',
      'visibility-timeout arn:aws:sqs:us-east-1:000000000000:servicenow-functions-dev-records',
      'own-role GetRecordsLambdaFunction, PostRecordLambdaFunction',
      'log-retention DoctorLogGroup',
      'encryption ImportQueue',
      'tls-only ImportDeadLetterQueue',
      'public-access ImportBucket',
      'encryption ImportBucket',
      'tls-only ImportBucket',
    ]);
  });
});
