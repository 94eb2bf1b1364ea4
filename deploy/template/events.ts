import type { CompiledResource, CompiledTemplate } from './shape.ts';

/** What a rule is made of: a mapping file says which events it maps. */
export type EventMapping = {
  /** e.g. `cloudwatch-alarm.yaml`. */
  readonly file: string;
  readonly source: string;
  /** An EventBridge pattern. */
  readonly when: Readonly<Record<string, unknown>>;
};

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const longestPattern = 2048;

const arnOf = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });

/**
 * Adds a rule for each mapping file, so that what is sent and what is mapped cannot drift apart, and lets each send to the events
 * queue. What cannot be delivered goes to the dead-letter queue.
 * @throws Error naming a file whose pattern is longer than a rule may have
 */
export function addEventRules({ Resources }: CompiledTemplate, mappings: readonly EventMapping[]): void {
  const rules = mappings.map((mapping) => [logicalIdOf(mapping), eventRule(mapping)] as const);
  for (const [logicalId, rule] of rules) {
    if (logicalId in Resources) throw new Error(`two mapping files would make the rule ${logicalId}`);
    Resources[logicalId] = rule;
  }
  const arns = rules.map(([logicalId]) => arnOf(logicalId));
  if (arns.length === 0) return;
  for (const queue of ['EventsQueue', 'EventsDeadLetterQueue'])
    statementsOf(Resources, queue).push({
      Sid: 'OurRulesSend',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: arnOf(queue),
      Condition: { ArnEquals: { 'aws:SourceArn': arns } },
    });
}

/** `cloudwatch-alarm.yaml` as `EventRuleCloudwatchAlarm`: two files of one source have a rule each. */
function logicalIdOf({ file }: EventMapping): string {
  const words = file.replace(/\.ya?ml$/, '').split(/[^A-Za-z0-9]+/);
  return `EventRule${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}

function eventRule({ file, source, when }: EventMapping): CompiledResource {
  const { length } = JSON.stringify(when);
  if (length > longestPattern)
    throw new Error(`${file}: when: has ${length} characters as JSON; a rule may have ${longestPattern}`);
  return {
    Type: 'AWS::Events::Rule',
    Condition: 'WithEvents',
    Properties: {
      Description: `Events of ${source} that become records, by mappings/${file}`,
      EventPattern: when,
      State: 'ENABLED',
      Targets: [
        {
          Id: 'events-queue',
          Arn: arnOf('EventsQueue'),
          DeadLetterConfig: { Arn: arnOf('EventsDeadLetterQueue') },
        },
      ],
    },
  };
}

/** The queues that senders of the param `eventSenders` may send to, and the switch that each needs. */
const openQueues = ['RecordsQueue', 'RecordsFifoQueue', 'EventsQueue'];

/**
 * Lets the rules, topics and accounts that the parameter names send to the queues. A service is bound to the ARN of its rule or topic;
 * what is in the list for another service does not match. A caller of another account also needs a permission there.
 */
export function letSendersSend({ Resources }: CompiledTemplate): void {
  const senders = { 'Fn::Split': [',', { Ref: 'EventSenders' }] };
  for (const queue of openQueues) {
    const allow = (Sid: string, Principal: unknown, Condition: object) => ({
      'Fn::If': [
        'WithEventSenders',
        { Sid, Effect: 'Allow', Principal, Action: 'sqs:SendMessage', Resource: arnOf(queue), Condition },
        { Ref: 'AWS::NoValue' },
      ],
    });
    const bySource = { ArnEquals: { 'aws:SourceArn': senders } };
    statementsOf(Resources, queue).push(
      allow('NamedRulesSend', { Service: 'events.amazonaws.com' }, bySource),
      allow('NamedTopicsSend', { Service: 'sns.amazonaws.com' }, bySource),
      allow('NamedAccountsSend', '*', { StringEquals: { 'aws:PrincipalAccount': senders } }),
    );
  }
}

/** The statements of the policy of a queue. */
function statementsOf(resources: CompiledTemplate['Resources'], queue: string): unknown[] {
  const document = resources[`${queue}Policy`]?.Properties['PolicyDocument'];
  const statements = typeof document === 'object' && document !== null && Reflect.get(document, 'Statement');
  if (!Array.isArray(statements)) throw new Error(`${queue} has no policy`);
  return statements;
}
