import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { startLocalStack } from '../../cli/local-stack.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import { putAlarm, setAlarm } from '../e2e/alarms.ts';
import { median, type Row, round, runAlone } from './report.ts';

export const name = 'alarm to incident: state change of a CloudWatch alarm to its record, in the local stack';

const alarms = 40;
const maxSeconds = 3;
const longestWaitMs = 60_000;

/** Alarms that go off one after the other, through bus, rule, queues and packaged functions. The first one, with the cold starts, counts. */
export async function run(): Promise<Row[]> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'bench-alarm-'));
  const stack = await startLocalStack({ dataFolder });
  try {
    const seconds = await goOff(stack);
    const p95 = seconds.toSorted((a, b) => a - b)[Math.ceil(seconds.length * 0.95) - 1] ?? Number.NaN;
    return [
      { what: `median of ${alarms}`, measured: `${round(median(seconds))} s` },
      {
        what: `95th percentile of ${alarms}`,
        measured: `${round(p95)} s`,
        limit: `≤ ${maxSeconds} s`,
        ok: p95 <= maxSeconds,
      },
    ];
  } finally {
    await stack.close();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function goOff(stack: Stack): Promise<number[]> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const { endpoint } = stack.endpoints.cloudWatch;
  const cloudWatch = new CloudWatchClient({ region: 'us-east-1', endpoint, credentials });
  const seconds: number[] = [];
  for (let index = 0; index < alarms; index += 1) {
    const AlarmName = `bench-${index}`;
    await putAlarm(cloudWatch, AlarmName);
    const startMs = performance.now();
    await setAlarm(cloudWatch, AlarmName, 'ALARM');
    while (!hasIncident(stack, AlarmName)) {
      if (performance.now() - startMs > longestWaitMs) throw new Error(`no incident of ${AlarmName}`);
      await delay(10);
    }
    seconds.push((performance.now() - startMs) / 1000);
  }
  cloudWatch.destroy();
  return seconds;
}

function hasIncident({ instance }: Stack, alarm: string): boolean {
  const rows = instance.state.store.select('incident');
  return rows.some(({ correlation_id }) => String(correlation_id).endsWith(`:alarm:${alarm}`));
}

if (import.meta.main) await runAlone({ name, run });
