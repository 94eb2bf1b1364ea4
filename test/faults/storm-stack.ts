import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import { packageFunctions } from '../../deploy/package.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import { silentLog } from '../../lib/core/log.ts';
import type { SecrecyWatch } from '../secrecy/watch.ts';
import { seeDataFolder, startWatchedStack } from '../secrecy/watched-stack.ts';
import { largeBytes } from './storm-messages.ts';

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
  /** Ends it, and gives the secrets and record contents that were seen where they must not be. */
  close(): Promise<readonly string[]>;
};

/** The packaged functions in real runtime processes, with the FIFO queue switched on, OAuth tokens, which can expire, and short time-outs. */
export async function startStormStack(
  watch: SecrecyWatch,
  listener: {
    /** Gets each line that a function writes. */
    line(text: string): void;
    /** Gets the name of what the stack tells of batches. */
    event(name: string): void;
  },
): Promise<StormStack> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'storm-'));
  const { folder, templateFile } = await packageFunctions();
  const shortened = join(dataFolder, 'template.json');
  await writeFile(shortened, shorten(await readFile(templateFile, 'utf8')));
  const options = {
    dataFolder,
    packaged: { folder, templateFile: shortened },
    onLog: listener.line,
    log: { ...silentLog, warn: listener.event },
    // Here a large message holds up all that are behind it in a batch.
    instance: { switches: { batchMaxInputBytes: largeBytes } },
    environment: { RECORDS_FIRST_DELAY_SECONDS: '1', RECORDS_LONGEST_DELAY_SECONDS: '3' },
  };
  const stack = await startWatchedStack(options, watch);
  const sqs = new SQSClient({ ...local, endpoint: stack.sqs.url });
  const variables = stack.resources.functions.find(({ key }) => key === 'writeRecords')?.environment ?? {};
  const url = (name: string) => variables[name] ?? '';
  const queueUrl = url('RECORDS_QUEUE_URL');
  const fifoQueueUrl = url('RECORDS_FIFO_QUEUE_URL');
  const close = async () => {
    sqs.destroy();
    await stack.close();
    await seeDataFolder(watch, dataFolder);
    await rm(dataFolder, { recursive: true, force: true });
    return watch.leaks();
  };
  let closed: Promise<readonly string[]> | undefined;
  return {
    stack,
    sqs,
    queueUrl,
    fifoQueueUrl,
    deadLetterUrls: [url('RECORDS_DLQ_URL'), url('RECORDS_FIFO_DLQ_URL')],
    functionArn: stack.resources.functions.find(({ key }) => key === 'writeRecords')?.arn ?? '',
    close: () => (closed ??= close()),
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
