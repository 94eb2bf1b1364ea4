import { afterEach, expect, it, vi } from 'vitest';
import { findDeployment } from '../../cli/queue/deployment.ts';
import { checkedAccount, deployedTemplate, withParameters } from '../../deploy/check/deployed-template.ts';
import { packageFunctions } from '../../deploy/package.ts';
import { createResolver } from '../../emulator/aws/template/resolve.ts';
import { asTemplate, readTemplate } from '../../emulator/aws/template/template.ts';
import { startCloudFormation } from '../cli/local-cloudformation.ts';

const { templateFile } = await packageFunctions();
const whole = await readTemplate(templateFile);
const sqsEndpoint = 'https://sqs.us-east-1.amazonaws.com';

/** What a command finds of a deployment whose stack has the outputs of the packaged template. */
async function found(parameters: Readonly<Record<string, string>>) {
  const template = withParameters(whole, parameters);
  const { resolve } = createResolver(template, { region: 'us-east-1', ...checkedAccount, sqsEndpoint });
  const { Outputs } = asTemplate(deployedTemplate(template));
  const outputs = Object.entries(Object(Outputs)).map(([name, output]) => [
    name,
    String(resolve(Object(output).Value)),
  ]);
  const url = await startCloudFormation({ prod: Object.fromEntries(outputs) });
  vi.stubEnv('AWS_ENDPOINT_URL_CLOUDFORMATION', url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'a');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'b');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  return findDeployment({ stackName: 'prod' });
}
afterEach(() => void vi.unstubAllEnvs());

const urlOf = (queue: string) => `${sqsEndpoint}/${checkedAccount.accountId}/${queue}`;

it('finds every queue, the bucket and the table by the outputs of the stack', async () => {
  const { deadLetterQueues, ...rest } = await found({ RecordsFifo: 'true' });
  expect(rest).toMatchObject({
    queueUrl: urlOf('RecordsQueue'),
    others: [
      { name: 'FIFO records', url: urlOf('RecordsFifoQueue.fifo') },
      { name: 'events', url: urlOf('EventsQueue') },
      { name: 'dropped files', url: urlOf('ImportQueue') },
    ],
    importBucket: 'importbucket',
    stateTable: 'StateTable',
  });
  expect(deadLetterQueues.map(({ url, queueUrl }) => [url, queueUrl])).toEqual([
    [urlOf('RecordsDeadLetterQueue'), urlOf('RecordsQueue')],
    [urlOf('RecordsFifoDeadLetterQueue.fifo'), urlOf('RecordsFifoQueue.fifo')],
    [urlOf('EventsDeadLetterQueue'), urlOf('EventsQueue')],
    [urlOf('ImportDeadLetterQueue'), urlOf('ImportQueue')],
    [urlOf('CallDeadLetterQueue'), ''],
  ]);
});

it('finds a bucket that the stack did not make', async () => {
  const { importBucket } = await found({ ImportBucketName: 'ours', ImportBucketExists: 'true' });
  expect(importBucket).toBe('ours');
});

it('finds nothing of what is switched off', async () => {
  const { others, importBucket, deadLetterQueues } = await found({ Events: 'false', Imports: 'false' });
  expect([others, importBucket]).toEqual([[], false]);
  expect(deadLetterQueues.map(({ name }) => name)).toEqual(['RecordsDeadLetterQueue', 'CallDeadLetterQueue']);
});
