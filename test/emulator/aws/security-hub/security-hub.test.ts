import {
  type AwsSecurityFinding,
  BatchImportFindingsCommand,
  BatchUpdateFindingsCommand,
  GetFindingsCommand,
  type GetFindingsCommandInput,
  InvalidInputException,
  SecurityHubClient,
} from '@aws-sdk/client-securityhub';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NewEvent } from '../../../../emulator/aws/event-bridge/bus.ts';
import { startSecurityHub } from '../../../../emulator/aws/security-hub/security-hub.ts';

const ProductArn = 'arn:aws:securityhub:us-east-1::product/aws/securityhub';

function finding(Id: string, more: Partial<AwsSecurityFinding> = {}): AwsSecurityFinding {
  return {
    SchemaVersion: '2018-10-08',
    Id,
    ProductArn,
    GeneratorId: 'aws-foundational/S3.1',
    AwsAccountId: '123456789012',
    CreatedAt: '2026-01-01T00:00:00.000Z',
    UpdatedAt: '2026-01-01T00:00:00.000Z',
    Severity: { Label: 'HIGH' },
    Title: 'A bucket is public',
    Description: 'The bucket can be read by everybody.',
    Resources: [{ Type: 'AwsS3Bucket', Id: 'arn:aws:s3:::public' }],
    ...more,
  };
}

async function start() {
  const events: NewEvent[] = [];
  const server = await startSecurityHub({ publish: (event) => events.push(event) });
  const client = new SecurityHubClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  onTestFinished(async () => {
    client.destroy();
    await server.close();
  });
  return {
    client,
    events,
    add: (...Findings: AwsSecurityFinding[]) => client.send(new BatchImportFindingsCommand({ Findings })),
    idsOf: async (asked: GetFindingsCommandInput) =>
      (await client.send(new GetFindingsCommand(asked))).Findings?.map(({ Id }) => Id),
  };
}

const equals = (Value: string) => ({ Value, Comparison: 'EQUALS' as const });

describe('Security Hub', () => {
  it('reports each finding that is imported, in an event of its own', async () => {
    const { add, events } = await start();
    expect(await add(finding('one'), finding('two'))).toMatchObject({ SuccessCount: 2, FailedCount: 0 });
    expect(events).toMatchObject([
      {
        source: 'aws.securityhub',
        detailType: 'Security Hub Findings - Imported',
        detail: { findings: [{ Id: 'one', Workflow: { Status: 'NEW' }, RecordState: 'ACTIVE' }] },
      },
      { detail: { findings: [{ Id: 'two' }] } },
    ]);
  });

  it('gives findings by id and by other fields', async () => {
    const { add, idsOf } = await start();
    await add(finding('one'), finding('two', { Severity: { Label: 'LOW' } }), finding('three'));
    expect(await idsOf({ Filters: { Id: [equals('three'), equals('one'), equals('gone')] } })).toEqual([
      'one',
      'three',
    ]);
    expect(await idsOf({ Filters: { Id: [equals('one')], SeverityLabel: [equals('LOW')] } })).toEqual([]);
    expect(
      await idsOf({ Filters: { SeverityLabel: [{ Value: 'HIGH', Comparison: 'NOT_EQUALS' }] } }),
    ).toEqual(['two']);
    expect(await idsOf({ Filters: { Id: [{ Value: 't', Comparison: 'PREFIX' }] } })).toEqual([
      'two',
      'three',
    ]);
  });

  it('gives 100 findings a call and no more', async () => {
    const { add, client, idsOf } = await start();
    await add(...Array.from({ length: 100 }, (_, n) => finding(`${n}`)));
    await add(finding('last'));
    const first = await client.send(new GetFindingsCommand({}));
    expect(first.Findings).toHaveLength(100);
    expect(await idsOf({ NextToken: first.NextToken })).toEqual(['last']);
    await expect(idsOf({ MaxResults: 101 })).rejects.toBeInstanceOf(InvalidInputException);
  });

  it('keeps what people set, reports it, and does not move UpdatedAt', async () => {
    const { add, client, events } = await start();
    await add(finding('one'));
    const { ProcessedFindings, UnprocessedFindings } = await client.send(
      new BatchUpdateFindingsCommand({
        FindingIdentifiers: [
          { Id: 'one', ProductArn },
          { Id: 'gone', ProductArn },
        ],
        Workflow: { Status: 'RESOLVED' },
      }),
    );
    expect(ProcessedFindings).toEqual([{ Id: 'one', ProductArn }]);
    expect(UnprocessedFindings).toMatchObject([{ ErrorCode: 'FindingNotFound' }]);
    await add(finding('one', { Title: 'A bucket is public again' }));
    expect(events.map(({ detail }) => detail['findings'])).toMatchObject([
      [{ Workflow: { Status: 'NEW' } }],
      [{ Workflow: { Status: 'RESOLVED' }, UpdatedAt: '2026-01-01T00:00:00.000Z' }],
      [{ Workflow: { Status: 'RESOLVED' }, Title: 'A bucket is public again' }],
    ]);
  });
});
