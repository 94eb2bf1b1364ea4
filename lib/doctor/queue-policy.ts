/** A service that sends to a queue for something of the account. */
export type Sender = {
  readonly queueArn: string;
  /** E.g. `s3.amazonaws.com`. */
  readonly service: string;
  /** What it sends for, e.g. the ARN of a bucket. @default something */
  readonly sourceArn?: string;
};

type Json = Readonly<Record<string, unknown>>;

/**
 * Whether the policy of a queue lets a service send to it: some statement allows it, and none denies it whatever the circumstances.
 * Conditions on anything but the source count as met.
 */
export function admits(policy: string, sender: Sender): boolean {
  const statements = statementsOf(policy).filter((statement) => concerns(statement, sender));
  const allows = statements.some(({ Effect, Condition }) => Effect === 'Allow' && isMet(Condition, sender));
  const denies = statements.some(({ Effect, Condition }) => Effect === 'Deny' && Condition === undefined);
  return allows && !denies;
}

function statementsOf(policy: string): readonly Json[] {
  if (policy.trim() === '') return [];
  const document: unknown = JSON.parse(policy);
  return isObject(document) ? listOf(document['Statement']).filter(isObject) : [];
}

function concerns({ Principal, Action, Resource = '*' }: Json, { queueArn, service }: Sender): boolean {
  const principals = isObject(Principal)
    ? [...listOf(Principal['Service']), ...listOf(Principal['AWS'])]
    : [Principal];
  const isNamed = principals.some((one) => one === service || one === '*');
  const acts = listOf(Action).some((one) => matches(String(one).toLowerCase(), 'sqs:sendmessage'));
  return isNamed && acts && listOf(Resource).some((one) => matches(String(one), queueArn));
}

/** Whether the conditions on the source, if there are any, hold. */
function isMet(condition: unknown, { sourceArn }: Sender): boolean {
  if (!isObject(condition) || sourceArn === undefined) return true;
  const sources = Object.values(condition)
    .filter(isObject)
    .flatMap((keys) => Object.entries(keys))
    .filter(([key]) => key.toLowerCase() === 'aws:sourcearn');
  return sources.every(([, values]) => listOf(values).some((one) => matches(String(one), sourceArn)));
}

/** With `*` for any text. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`).test(text);
}

const listOf = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
