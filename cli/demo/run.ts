import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { REGION } from '../../emulator/aws/account.ts';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { startLocalStack } from '../local-stack.ts';
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

/** Runs everything in a fresh folder that goes with the run. @throws Mismatch when the instance holds something else than it should */
export async function demo(): Promise<void> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'servicenow-functions-demo-'));
  process.once('SIGINT', () => {
    rmSync(dataFolder, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    await run(dataFolder);
  } finally {
    await rm(dataFolder, { recursive: true, force: true });
  }
}
