import { expect, it } from 'vitest';
import { stackResources } from '../../../../emulator/aws/template/stack-resources.ts';

const context = { region: 'us-east-1', accountId: '000000000000', sqsEndpoint: 'http://127.0.0.1:1' };
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:events';

it('reads rules with their targets, topics with their subscriptions, and the policies of queues', () => {
  const arn = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
  const { rules, sns, queues } = stackResources(
    {
      Parameters: {},
      Conditions: { WithTopic: { 'Fn::Equals': ['a', 'a'] } },
      Resources: {
        Events: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'events' } },
        EventsPolicy: {
          Type: 'AWS::SQS::QueuePolicy',
          Properties: {
            Queues: [{ Ref: 'Events' }],
            PolicyDocument: { Statement: [{ Condition: { ArnEquals: { 'aws:SourceArn': arn('Alarms') } } }] },
          },
        },
        Alarms: {
          Type: 'AWS::Events::Rule',
          Properties: {
            EventPattern: { source: ['aws.cloudwatch'] },
            Targets: [{ Id: 'events', Arn: arn('Events'), DeadLetterConfig: { Arn: arn('Events') } }],
          },
        },
        Often: {
          Type: 'AWS::Events::Rule',
          Properties: { Name: 'often', ScheduleExpression: 'rate(5 minutes)', State: 'DISABLED' },
        },
        Topic: { Type: 'AWS::SNS::Topic', Condition: 'WithTopic', Properties: {} },
        Subscription: {
          Type: 'AWS::SNS::Subscription',
          Properties: {
            TopicArn: { Ref: 'Topic' },
            Protocol: 'sqs',
            Endpoint: arn('Events'),
            RawMessageDelivery: true,
            FilterPolicy: { level: ['high'] },
          },
        },
      },
    },
    context,
  );
  expect(rules).toMatchObject([
    {
      bus: 'default',
      name: 'Alarms',
      pattern: '{"source":["aws.cloudwatch"]}',
      enabled: true,
      targets: [{ Id: 'events', Arn: queueArn, DeadLetterConfig: { Arn: queueArn } }],
    },
    { name: 'often', schedule: 'rate(5 minutes)', enabled: false, targets: [] },
  ]);
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:Topic';
  expect(sns).toEqual({
    topicArns: [topicArn],
    subscriptions: [
      {
        topicArn,
        protocol: 'sqs',
        endpoint: queueArn,
        attributes: { RawMessageDelivery: 'true', FilterPolicy: '{"level":["high"]}' },
      },
    ],
  });
  expect(JSON.parse(queues[0]?.attributes['Policy'] ?? '')).toEqual({
    Statement: [
      { Condition: { ArnEquals: { 'aws:SourceArn': 'arn:aws:events:us-east-1:000000000000:rule/Alarms' } } },
    ],
  });
});
