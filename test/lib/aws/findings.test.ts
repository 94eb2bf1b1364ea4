import {
  BatchImportFindingsCommand,
  BatchUpdateFindingsV2Command,
  SecurityHubClient,
} from '@aws-sdk/client-securityhub';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startSecurityHub } from '../../../emulator/aws/security-hub/security-hub.ts';
import { getFindings, getFindingsOfControl, getFindingsV2 } from '../../../lib/aws/findings.ts';

const account = '123456789012';
const signal = AbortSignal.timeout(60_000);
let hub: Awaited<ReturnType<typeof startSecurityHub>>;
let client: SecurityHubClient;

beforeAll(async () => {
  hub = await startSecurityHub({ publish: () => undefined });
  vi.stubEnv('AWS_ENDPOINT_URL_SECURITYHUB', hub.url);
  for (const name of ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
    vi.stubEnv(name, 'us-east-1');
  client = new SecurityHubClient({});
});
afterAll(async () => {
  client.destroy();
  await hub.close();
  vi.unstubAllEnvs();
});

/** Imports findings of a control, one for each pair of an id and a resource. */
async function imported(...pairs: readonly (readonly [id: string, resource: string])[]) {
  const time = '2026-11-02T08:00:00.000Z';
  for (let at = 0; at < pairs.length; at += 100) {
    const Findings = pairs.slice(at, at + 100).map(([Id, resource]) => ({
      ...{ SchemaVersion: '2018-10-08', Id, ProductArn: 'p', GeneratorId: 'g', AwsAccountId: account },
      ...{ Region: 'us-east-1', CreatedAt: time, UpdatedAt: time, Title: 't', Description: 'd' },
      ...{
        Severity: { Label: 'HIGH' as const },
        Resources: [
          { Type: 'x', Id: resource },
          { Type: 'y', Id: 'other' },
        ],
      },
      Compliance: { Status: 'FAILED' as const, SecurityControlId: 'S3.8' },
    }));
    await client.send(new BatchImportFindingsCommand({ Findings }));
  }
}

it('finds findings by their ids, more than one filter and one page hold', async () => {
  const ids = Array.from({ length: 130 }, (_, index) => `id-${index}`);
  await imported(...ids.map((id) => [id, `r-${id}`] as const));
  const found = await getFindings([...ids, 'id-0', 'not there'], signal);
  expect(found.map(({ Id }) => Id).toSorted()).toEqual(ids.toSorted());
});

it('finds the findings of one control on some resources, from whichever standard', async () => {
  await imported(['one', 'arn:a'], ['two', 'arn:a'], ['three', 'arn:b'], ['four', 'arn:c']);
  const of = { account, region: 'us-east-1', control: 'S3.8', resources: ['arn:a', 'arn:b'] };
  const found = await getFindingsOfControl(of, signal);
  expect(found.map(({ Id }) => Id).toSorted()).toEqual(['one', 'three', 'two']);
  expect(await getFindingsOfControl({ ...of, account: '210987654321' }, signal)).toEqual([]);
});

it('finds findings in OCSF by their metadata.uid, as they are now', async () => {
  const uids = Array.from({ length: 45 }, (_, index) => `uid-${index}`);
  for (const uid of uids) hub.putFindingV2({ metadata: { uid }, status_id: 1, status: 'New' });
  await client.send(new BatchUpdateFindingsV2Command({ MetadataUids: ['uid-7'], StatusId: 4 }));
  const found = await getFindingsV2([...uids, 'not there'], signal);
  expect(found).toHaveLength(45);
  expect(found).toContainEqual({ metadata: { uid: 'uid-7' }, status_id: 4, status: 'Resolved' });
});
