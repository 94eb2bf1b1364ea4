import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient, DeleteAlarmsCommand, PutCompositeAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, it, onTestFinished } from 'vitest';
import { startLocalStack } from '../../cli/local-stack.ts';
import { until } from '../until.ts';
import { putAlarm, setAlarm } from './alarms.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };

/** A stack of its own: the reconciler looks at the records of all tests that share one. */
async function start() {
  const dataFolder = await mkdtemp(join(tmpdir(), 'reconcile-'));
  const stack = await startLocalStack({ dataFolder });
  const cloudWatch = new CloudWatchClient({ ...local, endpoint: stack.endpoints.cloudWatch.endpoint });
  const lambda = new LambdaClient({ ...local, endpoint: stack.endpoints.lambda.endpoint });
  onTestFinished(async () => {
    cloudWatch.destroy();
    lambda.destroy();
    await stack.close();
    await rm(dataFolder, { recursive: true, force: true });
  });
  const incidents = () => {
    const rows = stack.instance.state.store.select('incident');
    return rows.filter(({ correlation_id }) => String(correlation_id).includes(':alarm:'));
  };
  return {
    cloudWatch,
    all: () => incidents().find(({ correlation_id }) => String(correlation_id).endsWith(':alarm:all')),
    untilStates: (...states: string[]) =>
      until(() =>
        expect(
          incidents()
            .map(({ state }) => state)
            .toSorted(),
        ).toEqual(states),
      ),
    async reconcile() {
      const FunctionName = 'servicenow-functions-dev-reconcileEvents';
      const { Payload, FunctionError } = await lambda.send(new InvokeCommand({ FunctionName }));
      expect(FunctionError).toBeUndefined();
      return JSON.parse(Payload?.transformToString() ?? 'null');
    },
  };
}

it('the packaged reconciler opens the record of a composite alarm that still sounds after its suppression', async () => {
  const { cloudWatch, reconcile, untilStates, all } = await start();
  await putAlarm(cloudWatch, 'maintenance');
  await setAlarm(cloudWatch, 'maintenance', 'ALARM');
  await untilStates('1');
  await cloudWatch.send(
    new PutCompositeAlarmCommand({
      ...{ AlarmName: 'all', AlarmRule: 'ALARM("one")', ActionsSuppressor: 'maintenance' },
      Tags: [{ Key: 'severity', Value: 'critical' }],
    }),
  );
  await setAlarm(cloudWatch, 'all', 'ALARM');
  expect(await reconcile()).toMatchObject({ sent: 0, failures: [] });
  await setAlarm(cloudWatch, 'maintenance', 'OK');
  await untilStates('6');
  expect(await reconcile()).toMatchObject({ sent: 1, failures: [] });
  await untilStates('1', '6');
  expect(all()).toMatchObject({ impact: '1' });
  expect(await reconcile()).toMatchObject({ asked: 1, sent: 0, failures: [] });
});

it('the packaged reconciler resolves the record of an alarm that is gone, and leaves the one that still sounds', async () => {
  const { cloudWatch, reconcile, untilStates } = await start();
  for (const AlarmName of ['gone', 'sounding']) {
    await putAlarm(cloudWatch, AlarmName);
    await setAlarm(cloudWatch, AlarmName, 'ALARM');
  }
  await untilStates('1', '1');
  expect(await reconcile()).toMatchObject({ asked: 2, sent: 0, failures: [] });
  await cloudWatch.send(new DeleteAlarmsCommand({ AlarmNames: ['gone'] }));
  expect(await reconcile()).toMatchObject({ asked: 2, sent: 1, failures: [] });
  await untilStates('1', '6');
  expect(await reconcile()).toMatchObject({ asked: 1, sent: 0, failures: [] });
});
