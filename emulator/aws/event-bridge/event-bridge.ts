import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { type Clock, systemClock } from '../clock.ts';
import { IN_MEMORY } from '../database.ts';
import type { Deliver } from '../delivery.ts';
import type { Permit } from '../iam/access-control.ts';
import { eventBridgeRights } from '../iam/required-rights.ts';
import { jsonAction, jsonProtocol } from '../json-protocol.ts';
import { type Log, silentLog } from '../log.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import { EventBus } from './bus.ts';
import { compilePattern, type Json } from './pattern.ts';
import { putEvents } from './put-events.ts';
import { DEFAULT_BUS, type Rule, Target, validation } from './rules.ts';

/** A bus is named, or given by its ARN. */
const busName = z
  .string()
  .default(DEFAULT_BUS)
  .transform((name) => name.replace(/^arn:[^:]*:events:[^:]*:\d*:event-bus\//, ''));
const ruleName = z.string().regex(/^[.\-_A-Za-z0-9]{1,64}$/);

const ofRule = z.object({ Name: ruleName, EventBusName: busName });
const PutRule = ofRule.extend({
  EventPattern: z.string().max(4096).optional(),
  ScheduleExpression: z.string().max(256).optional(),
  State: z.enum(['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS']).default('ENABLED'),
  Description: z.string().max(512).optional(),
});
const ofTargets = z.object({ Rule: ruleName, EventBusName: busName });

const action = <Schema extends z.ZodType>(
  schema: Schema,
  run: (input: z.output<Schema>, bus: EventBus) => unknown,
) => jsonAction(schema, run);

const ACTIONS = {
  PutEvents: action(z.unknown(), putEvents),
  PutRule: action(PutRule, (input, bus) => {
    const { EventBusName, Name, EventPattern, ScheduleExpression, State, Description } = input;
    const { arn } = bus.rules.put({
      bus: EventBusName,
      name: Name,
      pattern: EventPattern,
      schedule: ScheduleExpression,
      enabled: State !== 'DISABLED',
      description: Description,
    });
    if (ScheduleExpression !== undefined) bus.startSchedules();
    return { RuleArn: arn };
  }),
  DeleteRule: action(ofRule, ({ EventBusName, Name }, { rules }) => {
    const rule = rules.list(EventBusName).find(({ name }) => name === Name);
    if (rule) rules.delete(rule);
  }),
  EnableRule: action(ofRule, ({ EventBusName, Name }, { rules }) =>
    rules.setEnabled(rules.get(EventBusName, Name), true),
  ),
  DisableRule: action(ofRule, ({ EventBusName, Name }, { rules }) =>
    rules.setEnabled(rules.get(EventBusName, Name), false),
  ),
  DescribeRule: action(ofRule, ({ EventBusName, Name }, { rules }) => ruleOut(rules.get(EventBusName, Name))),
  ListRules: action(
    z.object({ EventBusName: busName, NamePrefix: z.string().default('') }),
    ({ EventBusName, NamePrefix }, { rules }) => ({
      Rules: rules
        .list(EventBusName)
        .filter(({ name }) => name.startsWith(NamePrefix))
        .map(ruleOut),
    }),
  ),
  PutTargets: action(
    ofTargets.extend({ Targets: z.array(Target).min(1).max(100) }),
    ({ Rule, EventBusName, Targets }, { rules }) => {
      for (const target of Targets) refuseGroupless(target);
      rules.putTargets(rules.get(EventBusName, Rule), Targets);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
  ),
  RemoveTargets: action(
    ofTargets.extend({ Ids: z.array(z.string()).min(1).max(100) }),
    ({ Rule, EventBusName, Ids }, { rules }) => {
      rules.removeTargets(rules.get(EventBusName, Rule), Ids);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
  ),
  ListTargetsByRule: action(ofTargets, ({ Rule, EventBusName }, { rules }) => ({
    Targets: rules.get(EventBusName, Rule).targets,
  })),
  TestEventPattern: action(
    z.object({ EventPattern: z.string(), Event: z.string() }),
    ({ EventPattern, Event }) => ({ Result: compilePattern(EventPattern)(eventOf(Event)) }),
  ),
  CreateEventBus: action(z.object({ Name: ruleName }), ({ Name }, { rules }) => {
    rules.addBus(Name);
    return { EventBusArn: busArn(Name) };
  }),
  ListEventBuses: action(z.object({ NamePrefix: z.string().default('') }), ({ NamePrefix }, { rules }) => ({
    EventBuses: rules
      .buses()
      .filter((name) => name.startsWith(NamePrefix))
      .map((name) => ({ Name: name, Arn: busArn(name) })),
  })),
};

export type EventBridgeOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** SQLite file that keeps buses and rules. @default in memory */
  readonly databaseFile?: string;
  readonly clock?: Clock;
  /** Takes what targets are sent. */
  readonly deliver: Deliver;
  readonly log?: Log;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

export type LocalEventBridge = LoopbackServer & { readonly bus: EventBus };

/**
 * Amazon EventBridge's buses and rules for the real SDK. Signatures are not checked. Unlike AWS's, its buses take events of `aws.`
 * sources from everybody: here nothing else could stand for the services that send them.
 */
export async function startEventBridge(options: EventBridgeOptions): Promise<LocalEventBridge> {
  const { port, databaseFile = IN_MEMORY, clock = systemClock, deliver, log = silentLog } = options;
  const bus = new EventBus({ databaseFile, clock, deliver, log });
  const listener = jsonProtocol({
    contentType: 'application/x-amz-json-1.1',
    targetPrefix: 'AWSEvents.',
    actions: ACTIONS,
    state: bus,
    rights: eventBridgeRights,
    permit: options.permit,
    validationCode: 'ValidationException',
  });
  const server = await listenOnLoopback(listener, port, 'EventBridge');
  return { ...server, bus, close: () => server.close().then(() => bus.close()) };
}

/** A FIFO queue takes no message without a group. */
function refuseGroupless({ Id, Arn, SqsParameters }: Target): void {
  if (Arn.endsWith('.fifo') && SqsParameters === undefined)
    throw validation(`Parameter(s) SqsParameters must be specified for target: ${Id}.`);
}

function ruleOut({ name, arn, bus, pattern, schedule, enabled, description }: Rule) {
  return {
    Name: name,
    Arn: arn,
    EventBusName: bus,
    State: enabled ? 'ENABLED' : 'DISABLED',
    ...(pattern !== null && { EventPattern: pattern }),
    ...(schedule !== null && { ScheduleExpression: schedule }),
    ...(description !== null && { Description: description }),
  };
}

function busArn(name: string): string {
  return `arn:aws:events:${REGION}:${ACCOUNT_ID}:event-bus/${name}`;
}

function eventOf(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AwsError('ValidationException', `Event is not valid JSON: ${String(cause)}`);
  }
}
