import * as z from 'zod';

const oneOrMany = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

/** Strict: a condition or a NotAction that is not understood would be read as a wider right. */
const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMany,
  Resource: oneOrMany,
});

const policiesSchema = z.array(
  z.looseObject({ PolicyDocument: z.looseObject({ Statement: z.array(statementSchema) }) }),
);

/** A call of an AWS API as IAM sees it: e.g. `sqs:SendMessage` on the ARN of a queue. */
export type AwsCall = {
  readonly action: string;
  /** An ARN, or `*` where the action knows no resource. */
  readonly resource: string;
};

/** One action on one resource that a role allows; both may hold `*` and `?`. */
export type Grant = AwsCall;

/** What a role allows and denies. */
export type RolePolicy = {
  readonly grants: readonly Grant[];
  readonly denials: readonly Grant[];
};

/** Reads the resolved `Policies` of an AWS::IAM::Role. */
export function rolePolicy(policies: unknown): RolePolicy {
  const statements = policiesSchema
    .parse(policies ?? [])
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  const those = (effect: string) =>
    statements
      .filter(({ Effect }) => Effect === effect)
      .flatMap(({ Action, Resource }) =>
        Action.flatMap((action) => Resource.map((resource) => ({ action, resource }))),
      );
  return { grants: those('Allow'), denials: those('Deny') };
}

/** The grants that allow a call; none when the role does not allow it or denies it. */
export function grantsFor({ grants, denials }: RolePolicy, call: AwsCall): Grant[] {
  return denials.some((denial) => covers(denial, call)) ? [] : grants.filter((grant) => covers(grant, call));
}

/** Actions are compared without regard to case, as IAM does. */
function covers(grant: Grant, { action, resource }: AwsCall): boolean {
  return isLike(action.toLowerCase(), grant.action.toLowerCase()) && isLike(resource, grant.resource);
}

/** Whether a text fits a pattern of IAM: `*` is any text, `?` one character. */
export function isLike(text: string, pattern: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}
