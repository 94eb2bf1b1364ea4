import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../account.ts';
import type { AwsCall } from './role-policy.ts';

/** What a call needs to be allowed, from its action and its input, which may not have been checked yet. */
export type RequiredRights = (action: string, input: unknown) => AwsCall[];

const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${rest}`;

function text(input: unknown, name: string): string | undefined {
  const value: unknown = Object(input)[name];
  return typeof value === 'string' ? value : undefined;
}

/** A batch needs the right to the single call. */
export const sqsRights: RequiredRights = (action, input) => {
  const queue = text(input, 'QueueUrl')?.split('/').at(-1) ?? text(input, 'QueueName');
  return [
    {
      action: `sqs:${action.replace(/Batch$/, '')}`,
      resource: queue === undefined ? '*' : arn('sqs', queue),
    },
  ];
};

const transaction = z.array(z.record(z.string(), z.unknown()));

/** A transaction needs the rights to its items’ own actions. */
const inTransaction: Readonly<Record<string, string>> = {
  ConditionCheck: 'ConditionCheckItem',
  Delete: 'DeleteItem',
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
};

export const dynamoDbRights: RequiredRights = (action, input) => {
  const on = (name: string, table: string | undefined, index?: string): AwsCall => {
    const path = index === undefined ? `table/${table}` : `table/${table}/index/${index}`;
    return { action: `dynamodb:${name}`, resource: table === undefined ? '*' : arn('dynamodb', path) };
  };
  const { success, data: items = [] } = transaction.safeParse(Object(input).TransactItems);
  if (success)
    return items
      .flatMap((item) => Object.entries(item))
      .map(([kind, one]) => on(inTransaction[kind] ?? kind, text(one, 'TableName')));
  const requested: unknown = Object(input).RequestItems;
  if (typeof requested === 'object' && requested !== null)
    return Object.keys(requested).map((table) => on(action, table));
  return [on(action, text(input, 'TableName'), text(input, 'IndexName'))];
};

/** @param arnOf the ARN of a secret that there is; IAM compares that of a secret that is not there by the name alone */
export function secretRights(arnOf: (secretId: string) => string | undefined): RequiredRights {
  return (action, input) => {
    const id = text(input, 'SecretId') ?? text(input, 'Name') ?? '';
    return [
      { action: `secretsmanager:${action}`, resource: arnOf(id) ?? arn('secretsmanager', `secret:${id}`) },
    ];
  };
}

const events = z.object({ Entries: z.array(z.object({ EventBusName: z.string().default('default') })) });

export const eventBridgeRights: RequiredRights = (action, input) => {
  const rule = action.endsWith('Rule') ? text(input, 'Name') : undefined;
  if (rule !== undefined) return [{ action: `events:${action}`, resource: arn('events', `rule/${rule}`) }];
  const { data } = events.safeParse(input);
  const buses = data?.Entries.map(({ EventBusName }) => EventBusName) ?? ['default'];
  return [...new Set(buses)].map((bus) => ({
    action: `events:${action}`,
    resource: bus.startsWith('arn:') ? bus : arn('events', `event-bus/${bus}`),
  }));
};

/**
 * To a role whose right to describe alarms is narrower than all of them, CloudWatch shows no composite alarms and does not say so.
 * Here such a role is refused.
 */
export const cloudWatchRights: RequiredRights = (action, input) => [
  {
    action: `cloudwatch:${action}`,
    resource: action.startsWith('Describe')
      ? '*'
      : (text(input, 'ResourceARN') ?? arn('cloudwatch', `alarm:${text(input, 'AlarmName') ?? '*'}`)),
  },
];

/** The actions of Security Hub by route; those of both versions need the same rights on their own hub. */
export const securityHubRights: RequiredRights = (route) => {
  const [, path = ''] = route.split(' ');
  const action = path.endsWith('import')
    ? 'BatchImportFindings'
    : path.includes('batchupdate')
      ? 'BatchUpdateFindings'
      : 'GetFindings';
  const hub = path.startsWith('/findingsv2') ? 'hubv2/local' : 'hub/default';
  return [{ action: `securityhub:${action}`, resource: arn('securityhub', hub) }];
};

export const snsRights: RequiredRights = (action, input) => [
  { action: `sns:${action.replace(/Batch$/, '')}`, resource: text(input, 'TopicArn') ?? '*' },
];
