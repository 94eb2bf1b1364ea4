import { CloudWatchClient, DeleteAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startCloudWatch } from '../../../emulator/aws/cloudwatch/cloudwatch.ts';
import { alarmPast, describeAlarms } from '../../../lib/aws/alarms.ts';
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
  const signal = AbortSignal.timeout(30_000);
  const alarms = await describeAlarms(['cpu', 'disk', 'never'], 'us-east-1', signal);
  expect([...alarms.keys()]).toEqual(['cpu']);
  expect(alarms.get('cpu')).toMatchObject({ state: 'OK', sinceMs });
  expect(await alarmPast('disk', 'us-east-1', signal)).toEqual({ isKnown: true, lastState: undefined });
  expect(await alarmPast('never', 'us-east-1', signal)).toEqual({ isKnown: false, lastState: undefined });
  // Without data an alarm says nothing of what it was before.
  await setAlarm(client, 'cpu', 'INSUFFICIENT_DATA');
  expect(await alarmPast('cpu', 'us-east-1', signal)).toEqual({
    isKnown: true,
    lastState: { state: 'OK', reason: 'it is OK', sinceMs },
  });
});
