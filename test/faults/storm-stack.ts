import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { packageFunctions } from '../../local/package/package.ts';
import { type Stack, startStack } from '../../local/stack.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };

/** Short enough that a run sees many of them pass. */
const functionTimeoutSeconds = 8;
const visibilitySeconds = 10;

export type StormStack = {
  readonly stack: Stack;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly fifoQueueUrl: string;
  readonly deadLetterUrls: readonly string[];
  readonly functionArn: string;
  close(): Promise<void>;
};

/** The packaged functions in real runtime processes, with the FIFO queue switched on, OAuth, and short time-outs. */
export async function startStormStack(onLog?: (line: string) => void): Promise<StormStack> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'storm-'));
  const { folder, templateFile } = await packageFunctions();
  const shortened = join(dataFolder, 'template.json');
  await writeFile(shortened, shorten(await readFile(templateFile, 'utf8')));
  const stack = await startStack({
    dataFolder,
    packaged: { folder, templateFile: shortened },
    ...(onLog && { onLog }),
    environment: { RECORDS_FIRST_DELAY_SECONDS: '1', RECORDS_LONGEST_DELAY_SECONDS: '3' },
  });
  const sqs = new SQSClient({ ...local, endpoint: stack.sqs.url });
  const variables = stack.resources.functions.find(({ key }) => key === 'writeRecords')?.environment ?? {};
  const url = (name: string) => variables[name] ?? '';
  const queueUrl = url('RECORDS_QUEUE_URL');
  const fifoQueueUrl = url('RECORDS_FIFO_QUEUE_URL');
  await useOAuth(stack, variables['SERVICENOW_SECRET_ID'] ?? '');
  return {
    stack,
    sqs,
    queueUrl,
    fifoQueueUrl,
    deadLetterUrls: [url('RECORDS_DLQ_URL'), url('RECORDS_FIFO_DLQ_URL')],
    functionArn: stack.resources.functions.find(({ key }) => key === 'writeRecords')?.arn ?? '',
    async close() {
      sqs.destroy();
      await stack.close();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

/** The template with FIFO switched on and the writer's time cut short. */
function shorten(template: string): string {
  const parsed = JSON.parse(template);
  parsed.Conditions.RecordsFifo = { 'Fn::Equals': ['true', 'true'] };
  for (const queue of ['RecordsQueue', 'RecordsFifoQueue']) {
    parsed.Resources[queue].Properties.VisibilityTimeout = visibilitySeconds;
  }
  parsed.Resources.WriteRecordsLambdaFunction.Properties.Timeout = functionTimeoutSeconds;
  return JSON.stringify(parsed);
}

/** Tokens, so that they can expire. */
async function useOAuth({ instance, secretsManager }: Stack, SecretId: string): Promise<void> {
  const client = new SecretsManagerClient({ ...local, endpoint: secretsManager.url });
  const auth = {
    type: 'oauth-password',
    ...instance.oauth,
    username: instance.username,
    password: instance.password,
  };
  const SecretString = JSON.stringify({ instanceUrl: instance.url, auth });
  await client.send(new PutSecretValueCommand({ SecretId, SecretString }));
  client.destroy();
}
