import { CloudWatchClient, DeleteAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startCloudWatch } from '../../../emulator/aws/cloudwatch/cloudwatch.ts';
import { describeAlarms } from '../../../lib/aws/alarms.ts';
import { putAlarm, setAlarm } from '../../e2e/alarms.ts';
import { HandClock } from '../../emulator/aws/sqs/local-sqs.ts';

it('knows since when an alarm has its state, which are deleted, and of which nothing is known', async () => {
  const clock = new HandClock();
  const server = await startCloudWatch({ clock, publish: () => undefined, deliver: () => undefined });
  const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const client = new CloudWatchClient({ ...local, endpoint: server.url });
  vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH', server.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    client.destroy();
    await server.close();
  });
  for (const name of ['cpu', 'disk']) await putAlarm(client, name);
  await setAlarm(client, 'cpu', 'OK');
  const sinceMs = clock.now();
  clock.advance(60_000);
  // Evaluated again, as with other data.
  await setAlarm(client, 'cpu', 'OK');
  await client.send(new DeleteAlarmsCommand({ AlarmNames: ['disk'] }));
  const names = ['cpu', 'disk', 'never'];
  const alarms = await describeAlarms(names, 'us-east-1', AbortSignal.timeout(30_000));
  expect(alarms.get('cpu')).toMatchObject({ state: 'OK', sinceMs });
  expect(alarms.get('disk')).toBe('deleted');
  expect(alarms.has('never')).toBe(false);
});
