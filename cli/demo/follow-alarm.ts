import { PutMetricAlarmCommand, SetAlarmStateCommand, type StateValue } from '@aws-sdk/client-cloudwatch';
import { encodedQuery } from '../../lib/servicenow/encoded-query.ts';
import { expectSame, type Scene, until } from './scene.ts';

const ALARM = 'demo-web-01-cpu';
const OURS = encodedQuery().where('correlation_id', 'ENDSWITH', `:alarm:${ALARM}`).orderBy('number');
const STATES: Readonly<Record<string, string>> = {
  '1': 'new',
  '2': 'in progress',
  '6': 'resolved',
  '7': 'closed',
};

type Incident = { readonly sys_id: string; readonly number: string; readonly state: string };

/** An alarm goes off, clears, comes back, a person closes the incident, and it goes off again: two incidents, never two open ones. */
export async function followAlarm(scene: Scene): Promise<void> {
  const { cloudWatch, instance, say } = scene;
  say(`4. Events: the CloudWatch alarm ${ALARM} and the incident that follows it`);
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: ALARM,
      AlarmDescription: 'CPU of web-01 is above 90 %',
      MetricName: 'CPUUtilization',
      Namespace: 'AWS/EC2',
      Statistic: 'Average',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 90,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  );
  const [first] = await step(scene, 'it goes off', 'ALARM', ['1']);
  await step(scene, 'it clears', 'OK', ['6']);
  const [again] = await step(scene, 'it comes back', 'ALARM', ['2']);
  expectSame('the incident that was opened again', again?.number, first?.number);
  await step(scene, 'it clears', 'OK', ['6']);
  const closing = { state: '7', close_code: 'Solution provided', close_notes: 'Added a second server.' };
  await instance.change('incident', first?.sys_id ?? '', closing);
  report(scene, 'a person closes it', await incidentsOnce(scene, ['7']));
  const [, next] = await step(scene, 'it goes off again', 'ALARM', ['7', '1']);
  const query = encodedQuery()
    .where('element_id', '=', next?.sys_id ?? '')
    .where('element', '=', 'work_notes');
  const notes = await instance.rows('sys_journal_field', query, 'value');
  const names = notes.some(({ value = '' }) => value.includes(first?.number ?? 'no number'));
  expectSame(`a work note of ${next?.number} that names ${first?.number}`, names, true);
  say(`   a work note of ${next?.number} names ${first?.number}`);
}

/** Changes the alarm and waits for the incidents that must follow. */
async function step(
  scene: Scene,
  what: string,
  state: StateValue,
  expected: readonly string[],
): Promise<Incident[]> {
  const reason = `Threshold Crossed: the alarm is ${state}`;
  await scene.cloudWatch.send(
    new SetAlarmStateCommand({ AlarmName: ALARM, StateValue: state, StateReason: reason }),
  );
  const startedMs = Date.now();
  const incidents = await incidentsOnce(scene, expected);
  report(scene, what, incidents, ` (${Date.now() - startedMs} ms)`);
  return incidents;
}

function incidentsOnce({ instance }: Scene, expected: readonly string[]): Promise<Incident[]> {
  return until(`incidents of the alarm in the states ${expected.join()}`, async () => {
    const rows = await instance.rows('incident', OURS, 'sys_id,number,state');
    const incidents = rows.map(({ sys_id = '', number = '', state = '' }) => ({ sys_id, number, state }));
    return incidents.map(({ state }) => state).join() === expected.join() ? incidents : undefined;
  });
}

function report({ say }: Scene, what: string, incidents: readonly Incident[], time = ''): void {
  const held = incidents.map(({ number, state }) => `${number} ${STATES[state] ?? state}`).join(', ');
  say(`   ${`${what}:`.padEnd(22)}${held}${time}`);
}
