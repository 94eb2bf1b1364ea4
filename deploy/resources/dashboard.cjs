/**
 * The dashboard of a deployment (param `dashboard`), made of the same metrics as the alarms. Loaded by serverless.yml. Widgets of what a
 * deployment leaves out stay empty.
 */
module.exports = async ({ resolveVariable }) => {
  const deployment = `${await resolveVariable('self:service')}/${await resolveVariable('sls:stage')}`;
  const prefix = await resolveVariable('self:custom.prefix');
  const body = JSON.stringify({ widgets: arrange(widgets(deployment)) });
  return {
    Conditions: { WithDashboard: { 'Fn::Equals': [{ Ref: 'Dashboard' }, 'true'] } },
    Resources: {
      OperationsDashboard: {
        Type: 'AWS::CloudWatch::Dashboard',
        Condition: 'WithDashboard',
        Properties: { DashboardName: prefix, DashboardBody: { 'Fn::Sub': [body, names] } },
      },
    },
  };
};

const whenThere = (condition, queue) => ({
  'Fn::If': [condition, { 'Fn::GetAtt': [queue, 'QueueName'] }, 'none'],
});

/** Names that a template leaves to CloudFormation, by the placeholders of the dashboard's text. */
const names = {
  Fifo: whenThere('WithFifo', 'RecordsFifoQueue'),
  FifoDlq: whenThere('WithFifo', 'RecordsFifoDeadLetterQueue'),
  Events: whenThere('WithEvents', 'EventsQueue'),
  EventsDlq: whenThere('WithEvents', 'EventsDeadLetterQueue'),
  Records: { 'Fn::GetAtt': ['RecordsQueue', 'QueueName'] },
  RecordsDlq: { 'Fn::GetAtt': ['RecordsDeadLetterQueue', 'QueueName'] },
  CallsDlq: { 'Fn::GetAtt': ['CallDeadLetterQueue', 'QueueName'] },
  ImportsDlq: whenThere('WithImports', 'ImportDeadLetterQueue'),
  Writer: { Ref: 'WriteRecordsLambdaFunction' },
  Importer: { 'Fn::If': ['WithImports', { Ref: 'ImportCsvLambdaFunction' }, 'none'] },
  Api: { 'Fn::If': ['WithHttpApi', { Ref: 'HttpApi' }, 'none'] },
};

const placeholder = (name) => `\${${name}}`;

const waiting = ['Records', 'Fifo', 'Events'];

function widgets(deployment) {
  const own = (name, stat = 'Sum') => ['servicenow-functions', name, 'service', deployment, { stat }];
  const queue = (metric, name) => ['AWS/SQS', metric, 'QueueName', placeholder(name), { stat: 'Maximum' }];
  const lambda = (metric, name, stat = 'Sum') => [
    'AWS/Lambda',
    metric,
    'FunctionName',
    placeholder(name),
    { stat },
  ];
  const api = (metric, stat = 'Sum') => ['AWS/ApiGateway', metric, 'ApiId', placeholder('Api'), { stat }];
  return [
    ['Calls to ServiceNow', [own('Requests'), own('RequestFailures'), own('Throttles')]],
    ['Time of a call (ms)', [own('LatencyMs', 'p50'), own('LatencyMs', 'p99')]],
    [
      'Messages that wait',
      [...waiting.map((name) => queue('ApproximateNumberOfMessagesVisible', name)), own('DeferredByOutage')],
    ],
    ['Age of the oldest message (s)', waiting.map((name) => queue('ApproximateAgeOfOldestMessage', name))],
    [
      'Dead letters',
      ['RecordsDlq', 'FifoDlq', 'EventsDlq', 'ImportsDlq', 'CallsDlq'].map((name) =>
        queue('ApproximateNumberOfMessagesVisible', name),
      ),
    ],
    [
      'Imports',
      [
        own('ImportsFinished'),
        own('ImportsStopped'),
        lambda('ApproximateRunningDurableExecutions', 'Importer', 'Maximum'),
      ],
    ],
    [
      'writeRecords',
      [lambda('Invocations', 'Writer'), lambda('Errors', 'Writer'), lambda('Throttles', 'Writer')],
    ],
    ['HTTP API', [api('Count'), api('4xx'), api('5xx')]],
    ['Time of the HTTP API (ms)', [api('Latency', 'p50'), api('Latency', 'p99')]],
    ['Rejected credentials', [own('CredentialRejections')]],
    ['Questions of the reconciler without an answer', [own('ReconcileFailures')]],
  ];
}

function arrange(all) {
  return all.map(([title, metrics], index) => ({
    type: 'metric',
    x: (index % 2) * 12,
    y: Math.floor(index / 2) * 6,
    width: 12,
    height: 6,
    properties: { title, metrics, region: placeholder('AWS::Region'), view: 'timeSeries', period: 300 },
  }));
}
