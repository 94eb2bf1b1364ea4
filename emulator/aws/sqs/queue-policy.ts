import * as z from 'zod';
import { isLike } from '../iam/role-policy.ts';

const oneOrMany = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const conditions = z.record(z.string(), z.record(z.string(), oneOrMany));

const statementSchema = z.object({
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.union([z.string(), z.record(z.string(), oneOrMany)]),
  Action: oneOrMany,
  Condition: conditions.default({}),
});

const policySchema = z.object({ Statement: z.array(statementSchema) });

type Statement = z.output<typeof statementSchema>;

/** An AWS service that sends a message on behalf of one of its resources. */
export type ServiceSender = {
  /** e.g. `events.amazonaws.com`. */
  readonly service: string;
  readonly sourceArn: string;
};

/**
 * Whether a queue's policy lets a service send. A service has no other way to be allowed.
 * @param policy JSON, as the attribute `Policy`
 */
export function letsSend(policy: string | undefined, sender: ServiceSender): boolean {
  if (policy === undefined) return false;
  const { Statement } = policySchema.parse(JSON.parse(policy));
  const applying = Statement.filter((statement) => applies(statement, sender));
  return applying.length > 0 && applying.every(({ Effect }) => Effect === 'Allow');
}

function applies({ Principal, Action, Condition }: Statement, sender: ServiceSender): boolean {
  const services = typeof Principal === 'string' ? [Principal] : (Principal['Service'] ?? []);
  const account = sender.sourceArn.split(':')[4] ?? '';
  const facts: Readonly<Record<string, string>> = {
    'aws:sourcearn': sender.sourceArn,
    'aws:sourceaccount': account,
    'aws:securetransport': 'true',
  };
  return (
    services.some((service) => service === '*' || service === sender.service) &&
    Action.some((action) => ['*', 'sqs:*', 'sqs:sendmessage'].includes(action.toLowerCase())) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, facts[key.toLowerCase()], wanted)),
    )
  );
}

/** An operator that is not known here never holds. */
function holds(operator: string, fact: string | undefined, wanted: readonly string[]): boolean {
  if (fact === undefined) return false;
  switch (operator) {
    case 'StringEquals':
    case 'Bool':
      return wanted.includes(fact);
    case 'ArnEquals':
    case 'ArnLike':
    case 'StringLike':
      return wanted.some((pattern) => isLike(fact, pattern));
    default:
      return false;
  }
}
