import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { hashOfEvent } from '../../../lib/record-queue/life-cycle/mark.ts';
import type { Dice } from '../harness/dice.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Signal } from './life-model.ts';
import type { EventMessage, Feed } from './message.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const account = '000000000000';
const tapName = 'storm-tap';

/** What an alarm is at this moment, for CloudWatch. */
export type AlarmTruth = {
  readonly state: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA' | 'deleted';
  readonly sinceMs: number;
  /** The event that reported it. */
  readonly signal: Signal;
};

const eventSchema = z.looseObject({
  id: z.string(),
  time: z.string(),
  account: z.string(),
  resources: z.tuple([z.string()]),
  detail: z.looseObject({
    alarmName: z.string(),
    operation: z.string().optional(),
    previousState: z.object({ value: z.string() }).optional(),
    configuration: z.looseObject({ description: z.string().optional() }),
    state: z.looseObject({
      value: z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA']),
      reason: z.string().optional(),
      timestamp: z.string(),
      actionsSuppressedBy: z.string().optional(),
    }),
  }),
});
type AlarmEvent = z.output<typeof eventSchema>;

/** Alarms of the emulated CloudWatch change their states; the rule of the mapping file sends the events here, and the storm sends them on. */
export class AlarmFeed implements Feed {
  readonly names: readonly string[];
  /** By key. */
  readonly truths = new Map<string, AlarmTruth>();
  readonly counts: Record<string, number> = {};
  readonly #stack: FaultStack;
  readonly #dice: Dice;
  readonly #cloudWatch: CloudWatchClient;
  readonly #tap: string;
  /** By name. */
  readonly #states = new Map<string, AlarmTruth['state']>();
  #changes = 0;

  constructor(stack: FaultStack, dice: Dice, names: readonly string[], tap: string) {
    this.#stack = stack;
    this.#dice = dice;
    this.names = names;
    this.#cloudWatch = new CloudWatchClient({ ...local, endpoint: stack.stack.cloudWatch.url });
    this.#tap = tap;
  }

  static async open(stack: FaultStack, dice: Dice, count: number): Promise<AlarmFeed> {
    const { QueueUrl = '' } = await stack.sqs.send(new CreateQueueCommand({ QueueName: tapName }));
    await turnRule(stack);
    const names = Array.from({ length: count }, (_, index) => `alarm-${index}`);
    const feed = new AlarmFeed(stack, dice, names, QueueUrl);
    for (const name of names) await feed.#put(name);
    await feed.#drain();
    return feed;
  }

  close(): void {
    this.#cloudWatch.destroy();
  }

  /** Changes the states of some alarms. @returns the events of it */
  async change(count: number): Promise<readonly EventMessage[]> {
    for (let index = 0; index < count; index += 1) await this.#changeOne();
    return (await this.#drain()).map((event) => this.#toMessage(event));
  }

  async #changeOne(): Promise<void> {
    const name = this.names[Math.floor(this.#dice.random() * this.names.length)] ?? '';
    const before = this.#states.get(name);
    if (before === 'deleted') await this.#put(name);
    if (before !== undefined && before !== 'deleted' && this.#dice.chance(3)) {
      await this.#cloudWatch.send(new DeleteAlarmsCommand({ AlarmNames: [name] }));
      this.#states.set(name, 'deleted');
      return;
    }
    const others = (['ALARM', 'OK', 'INSUFFICIENT_DATA'] as const).filter((state) => state !== before);
    const StateValue = this.#dice.chance(10)
      ? this.#dice.pick(['INSUFFICIENT_DATA', 'OK'] as const)
      : (others[0] ?? 'OK');
    this.#states.set(name, StateValue);
    this.#changes += 1;
    const reason = `change ${this.#changes}|`;
    if (StateValue === 'ALARM' && this.#dice.chance(4))
      this.#stack.stack.cloudWatch.setSuppressedState(
        name,
        { value: StateValue, reason },
        { by: 'Alarm', reason: 'its suppressor is in ALARM' },
      );
    else
      await this.#cloudWatch.send(
        new SetAlarmStateCommand({ AlarmName: name, StateValue, StateReason: reason }),
      );
  }

  async #put(AlarmName: string): Promise<void> {
    const Tags = [{ Key: 'severity', Value: 'high' }];
    const metric = { MetricName: 'CPUUtilization', Namespace: 'AWS/EC2', Statistic: 'Average' } as const;
    const limit = { Period: 60, EvaluationPeriods: 1, Threshold: 90 };
    const ComparisonOperator = 'GreaterThanThreshold';
    await this.#cloudWatch.send(
      new PutMetricAlarmCommand({ AlarmName, ...metric, ...limit, ComparisonOperator, Tags }),
    );
  }

  async #drain(): Promise<readonly AlarmEvent[]> {
    const events: AlarmEvent[] = [];
    const QueueUrl = this.#tap;
    for (;;) {
      const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 });
      const { Messages = [] } = await this.#stack.sqs.send(receive);
      if (Messages.length === 0) return events;
      events.push(...Messages.map(({ Body = '' }) => eventSchema.parse(JSON.parse(Body))));
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
      await this.#stack.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  #toMessage(event: AlarmEvent): EventMessage {
    const signal = toSignal(event);
    const { operation, state } = event.detail;
    const name =
      operation === undefined ? kindOf(signal, state) : operation === 'delete' ? 'deleted' : 'configured';
    this.counts[`alarm: ${name}`] = (this.counts[`alarm: ${name}`] ?? 0) + 1;
    if (operation === undefined || operation === 'delete')
      this.truths.set(signal.key, {
        state: operation ? 'deleted' : state.value,
        sinceMs: signal.atMs,
        signal,
      });
    const forms = [JSON.stringify(event)];
    if (operation === undefined && signal.kind !== 'ignore')
      forms.push(JSON.stringify(toNotification(event)));
    return { signal, forms };
  }
}

function kindOf({ kind }: Signal, { value }: AlarmEvent['detail']['state']): string {
  return kind === 'ignore' ? 'suppressed' : value;
}

/** What docs/events.md and the mapping file say of such an event. */
function toSignal({ id, time, resources: [key], detail: { operation, state } }: AlarmEvent): Signal {
  const kinds = { ALARM: 'open', OK: 'resolve', INSUFFICIENT_DATA: 'note' } as const;
  const by = state.actionsSuppressedBy;
  const isSuppressed = by !== undefined && by !== 'WaitPeriod' && state.value !== 'OK';
  const kind = isSuppressed ? 'ignore' : kinds[state.value];
  const name = operation === undefined ? `${key} ${state.value} ${state.timestamp.slice(0, 23)}` : id;
  return {
    ...{ key, withinMs: 4 * 3_600_000, atMost: 5, isHeldWhileAssigned: false, isNotedOnResolved: false },
    kind: operation === undefined ? kind : operation === 'delete' ? 'resolve' : 'ignore',
    // A deletion has whole seconds: in the same second the state was first.
    atMs: Math.max(Date.parse(state.timestamp), operation === undefined ? 0 : Date.parse(time)),
    hash: hashOfEvent(name),
    reconciledHash: hashOfEvent(`reconciled ${name}`),
  };
}

/** What the action of the same alarm publishes. */
function toNotification({ account: AWSAccountId, resources: [AlarmArn], detail }: AlarmEvent): object {
  return {
    ...{ AlarmName: detail.alarmName, AlarmArn, AWSAccountId, AlarmDescription: null },
    ...{ NewStateValue: detail.state.value, NewStateReason: detail.state.reason },
    ...{ OldStateValue: detail.previousState?.value, StateChangeTime: detail.state.timestamp },
    ...{
      Region: 'US East (N. Virginia)',
      Trigger: { MetricName: 'CPUUtilization', Namespace: 'AWS/EC2', Dimensions: [] },
    },
  };
}

/** The rule of the alarms sends to the storm, and no longer to the events queue. */
async function turnRule({ stack }: FaultStack): Promise<void> {
  const eventBridge = new EventBridgeClient({ ...local, endpoint: stack.eventBridge.url });
  try {
    const { Rules = [] } = await eventBridge.send(new ListRulesCommand({}));
    const found = Rules.filter(({ EventPattern = '' }) => EventPattern.includes('aws.cloudwatch'));
    if (found.length === 0) throw new Error('no rule of the template takes the events of alarms');
    for (const { Name: Rule } of found) {
      const { Targets = [] } = await eventBridge.send(new ListTargetsByRuleCommand({ Rule }));
      await eventBridge.send(new RemoveTargetsCommand({ Rule, Ids: Targets.map(({ Id = '' }) => Id) }));
      const Arn = `arn:aws:sqs:us-east-1:${account}:${tapName}`;
      await eventBridge.send(new PutTargetsCommand({ Rule, Targets: [{ Id: 'tap', Arn }] }));
    }
  } finally {
    eventBridge.destroy();
  }
}
