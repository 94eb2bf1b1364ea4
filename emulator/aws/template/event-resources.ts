import * as z from 'zod';
import { DEFAULT_BUS, type RuleDefinition, Target } from '../event-bridge/rules.ts';
import type { NewSubscription } from '../sns/topics.ts';

/** A rule of the template with where it sends events. */
export type EventRule = RuleDefinition & { readonly targets: readonly Target[] };

/** The ends of names and ARNs are what the local services know resources by. */
export type SnsResources = {
  readonly topicArns: readonly string[];
  readonly subscriptions: readonly NewSubscription[];
};

const ruleSchema = z.object({
  Name: z.string().optional(),
  EventBusName: z.string().default(DEFAULT_BUS),
  EventPattern: z.record(z.string(), z.unknown()).optional(),
  ScheduleExpression: z.string().optional(),
  State: z.string().default('ENABLED'),
  Description: z.string().optional(),
  Targets: z.array(Target).default([]),
});

/** Reads the resolved properties of an AWS::Events::Rule. */
export function eventRule(logicalId: string, properties: unknown): EventRule {
  const rule = ruleSchema.parse(properties);
  return {
    bus: rule.EventBusName,
    name: rule.Name ?? logicalId,
    pattern: rule.EventPattern && JSON.stringify(rule.EventPattern),
    schedule: rule.ScheduleExpression,
    enabled: rule.State !== 'DISABLED',
    description: rule.Description,
    targets: rule.Targets,
  };
}

const subscriptionSchema = z.object({
  TopicArn: z.string(),
  Protocol: z.string(),
  Endpoint: z.string(),
  RawMessageDelivery: z.coerce.string().optional(),
  FilterPolicy: z.unknown().optional(),
  FilterPolicyScope: z.string().optional(),
  RedrivePolicy: z.unknown().optional(),
});

/** Reads the resolved properties of an AWS::SNS::Subscription. */
export function subscription(properties: unknown): NewSubscription {
  const { TopicArn, Protocol, Endpoint, ...attributes } = subscriptionSchema.parse(properties);
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return {
    topicArn: TopicArn,
    protocol: Protocol,
    endpoint: Endpoint,
    attributes: Object.fromEntries(given.map(([name, value]) => [name, asText(value)])),
  };
}

const queuePolicySchema = z.object({ Queues: z.array(z.string()), PolicyDocument: z.looseObject({}) });

/** Reads the resolved properties of AWS::SQS::QueuePolicy: the policy of each queue, by its URL. */
export function queuePolicies(all: readonly unknown[]): ReadonlyMap<string, string> {
  const policies = all.map((properties) => queuePolicySchema.parse(properties));
  return new Map(
    policies.flatMap(({ Queues, PolicyDocument }) =>
      Queues.map((url) => [url, JSON.stringify(PolicyDocument)] as const),
    ),
  );
}
