import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allowedTables } from '../../cli/map/allowed-tables.ts';
import { mappingWarnings } from '../../deploy/mapping-warnings.ts';
import { addEventRules, letSendersSend } from '../../deploy/template/events.ts';
import type { CompiledTemplate } from '../../deploy/template/shape.ts';
import { compileAll } from '../../lib/events/compile.ts';
import { unservedTables } from '../../lib/events/served-tables.ts';

const alarms = {
  file: 'cloudwatch-alarm.yaml',
  source: 'cloudwatch-alarm',
  when: { source: ['aws.cloudwatch'] },
};

function policy(): CompiledTemplate['Resources'][string] {
  return { Type: 'AWS::SQS::QueuePolicy', Properties: { PolicyDocument: { Statement: [] } } };
}

function template(): CompiledTemplate {
  const queues = ['EventsQueue', 'EventsDeadLetterQueue', 'RecordsQueue', 'RecordsFifoQueue'];
  return { Resources: Object.fromEntries(queues.map((queue) => [`${queue}Policy`, policy()])) };
}

const statements = ({ Resources }: CompiledTemplate, queue: string) =>
  Resources[`${queue}Policy`]?.Properties['PolicyDocument'];

it('warns of tables that mapping files write or look up and the deployment does not serve', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mappings-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = [
    'source: shop',
    'when: { source: [my.shop] }',
    'key: "{% detail.id %}"',
    'target: [{ when: { detail: { kind: [attack] } }, is: sn_si_incident }, { is: incident }]',
    'signal: [{ is: open }]',
    'fields: { cmdb_ci: { find: cmdb_ci_server, by: { name: "{% detail.ci %}" } } }',
  ];
  writeFileSync(join(folder, 'shop.yaml'), file.join('\n'));
  const warnings = (settings: Readonly<Record<string, string>>) =>
    mappingWarnings((param) => ({ events: 'true', secretId: 's', ...settings })[param] ?? '', folder);
  const advice = 'is not in allowedTables: its signals become dead letters until the table is added there';
  expect(warnings({ allowedTables: 'Incident,problem' })).toEqual([
    `shop.yaml: target sn_si_incident ${advice}`,
    `shop.yaml: the look-up in cmdb_ci_server ${advice}`,
  ]);
  const instances = {
    secretId: '{"a":"x","b":"y"}',
    allowedTables: '{"a":"incident,sn_si_incident","b":"*"}',
  };
  expect(warnings(instances)).toEqual([`shop.yaml: the look-up in cmdb_ci_server ${advice}`]);
  for (const settings of [{ allowedTables: '*' }, { events: 'false', allowedTables: 'task' }])
    expect(warnings(settings)).toEqual([]);
});

it('serves what the shipped mapping files need by default', () => {
  expect(unservedTables(compileAll('mappings'), allowedTables())).toEqual([]);
  expect(allowedTables()).toContain('incident');
});

describe('the rules of a deployment', () => {
  it('are one for each mapping file, with its pattern, and only they may send for us', () => {
    const made = template();
    addEventRules(made, [alarms, { ...alarms, file: 'health.yml', when: { source: ['aws.health'] } }]);
    expect(made.Resources['EventRuleCloudwatchAlarm']).toMatchObject({
      Type: 'AWS::Events::Rule',
      Condition: 'WithEvents',
      Properties: {
        EventPattern: { source: ['aws.cloudwatch'] },
        Targets: [
          {
            Arn: { 'Fn::GetAtt': ['EventsQueue', 'Arn'] },
            DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['EventsDeadLetterQueue', 'Arn'] } },
          },
        ],
      },
    });
    const arns = ['EventRuleCloudwatchAlarm', 'EventRuleHealth'].map((name) => ({
      'Fn::GetAtt': [name, 'Arn'],
    }));
    for (const queue of ['EventsQueue', 'EventsDeadLetterQueue'])
      expect(statements(made, queue)).toMatchObject({
        Statement: [
          {
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { ArnEquals: { 'aws:SourceArn': arns } },
          },
        ],
      });
    expect(statements(made, 'RecordsQueue')).toEqual({ Statement: [] });
  });

  it('are none without mapping files, and then no principal may send', () => {
    const made = template();
    addEventRules(made, []);
    expect(statements(made, 'EventsQueue')).toEqual({ Statement: [] });
  });

  it.each([
    [
      'a pattern is longer than a rule may have',
      [{ ...alarms, when: { source: ['x'.repeat(2048)] } }],
      'cloudwatch-alarm.yaml: when',
    ],
    [
      'two files would make one rule',
      [alarms, { ...alarms, file: 'cloudwatch_alarm.yaml' }],
      'EventRuleCloudwatchAlarm',
    ],
  ])('are refused when %s', (_, mappings, message) => {
    expect(() => addEventRules(template(), mappings)).toThrow(message);
  });
});

it('binds each kind of sender that the parameter names to its own condition', () => {
  const made = template();
  letSendersSend(made);
  const list = { 'Fn::Split': [',', { Ref: 'EventSenders' }] };
  for (const queue of ['EventsQueue', 'RecordsQueue', 'RecordsFifoQueue']) {
    const document = JSON.parse(JSON.stringify(statements(made, queue)));
    const chosen = document.Statement.map((one: { 'Fn::If': unknown[] }) => one['Fn::If']);
    expect(chosen.map(([condition]: unknown[]) => condition)).toEqual(Array(3).fill('WithEventSenders'));
    expect(chosen.map(([, statement]: unknown[]) => statement)).toMatchObject([
      { Principal: { Service: 'events.amazonaws.com' }, Condition: { ArnEquals: { 'aws:SourceArn': list } } },
      { Principal: { Service: 'sns.amazonaws.com' }, Condition: { ArnEquals: { 'aws:SourceArn': list } } },
      { Principal: '*', Condition: { StringEquals: { 'aws:PrincipalAccount': list } } },
    ]);
  }
  expect(statements(made, 'EventsDeadLetterQueue')).toEqual({ Statement: [] });
});
