import { resolve } from 'node:path';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { REGION } from '../../emulator/aws/account.ts';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { startLocalStack } from '../local-stack.ts';
import { onStop } from '../stop-signals.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { causeChaos, chaosEnvironment, conclude, countLostInvocations } from './chaos.ts';
import { createIncident } from './create-incident.ts';
import { followAlarm } from './follow-alarm.ts';
import { importCsv } from './import-csv.ts';
import { InstanceView, type Scene } from './scene.ts';
import { sendMessages } from './send-messages.ts';
import { lookAtHoldings, showHoldings } from './show-holdings.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** HTTP, SQS, S3 and an alarm on this machine, each step checked on the instance. */
async function run(dataFolder: string): Promise<void> {
  const startedMs = Date.now();
  say('Packaging the functions and starting them with an instance and the AWS services around them …');
  const stack = await startLocalStack({ dataFolder });
  try {
    say(`Ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s.\n`);
    await playScenes(stack.endpoints);
    say(`\nAll checks passed in ${((Date.now() - startedMs) / 1000).toFixed(1)} s.`);
  } finally {
    await stack.close();
  }
}

async function playScenes(endpoints: Endpoints): Promise<void> {
  const client = { region: REGION, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const scene: Scene = {
    endpoints,
    instance: new InstanceView(endpoints.instance),
    sqs: new SQSClient({ ...client, endpoint: endpoints.sqs.endpoint }),
    s3: new S3Client({ ...client, endpoint: endpoints.s3.endpoint }),
    cloudWatch: new CloudWatchClient({ ...client, endpoint: endpoints.cloudWatch.endpoint }),
    keepFolder: resolve('.local/demo'),
    say,
  };
  const before = await lookAtHoldings(scene);
  for (const part of [createIncident, sendMessages, importCsv, followAlarm]) {
    await part(scene);
    say('');
  }
  showHoldings(scene, before, await lookAtHoldings(scene));
}

/** Messages in spite of everything: what breaks, what was sent and what the instance holds. */
async function runChaos(dataFolder: string, { messages = 500, seed }: DemoOptions): Promise<void> {
  const options = { messages, seed: seed ?? Math.floor(Math.random() * 1_000_000) };
  const startedMs = Date.now();
  say(`Chaos with ${counted(messages, 'message')}, seed ${options.seed}. Packaging and starting …`);
  const lost = countLostInvocations();
  const stack = await startLocalStack({ dataFolder, environment: chaosEnvironment, log: lost.log });
  try {
    const { line, isWell } = conclude(await causeChaos(stack, options, lost.count, say));
    say(`The instance was counted after ${((Date.now() - startedMs) / 1000).toFixed(1)} s:\n${line}`);
    if (!isWell) process.exitCode = 1;
  } finally {
    await stack.close();
  }
}

/** What the command line says. */
type DemoOptions = {
  readonly chaos?: boolean | undefined;
  readonly messages?: number | undefined;
  readonly seed?: number | undefined;
};

/**
 * Runs everything in a fresh folder that goes with the run. Sets the exit code 1 when records are missing or there twice after the chaos.
 * @throws Mismatch when the instance holds something else than it should; UsageError for options of the chaos without it
 */
export async function demo(options: DemoOptions): Promise<void> {
  if (!options.chaos && (options.messages ?? options.seed) !== undefined)
    throw new UsageError('--messages and --seed go with --chaos');
  using folder = temporaryFolder();
  onStop((exitCode) => {
    // The terminal has shown ^C.
    if (process.stdout.isTTY) process.stdout.write('\n');
    process.exit(exitCode);
  });
  await (options.chaos ? runChaos(folder.path, options) : run(folder.path));
}
