import * as z from 'zod';
import { roleIdOf } from '../iam/role-id.ts';
import type { RolePolicy } from '../iam/role-policy.ts';

/** What Lambda sets itself. @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
const reserved = new Set([
  '_HANDLER',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
]);

/** All variables of one function together, names and values, in bytes. */
const maxVariablesBytes = 4096;

const variables = z
  .record(z.string().regex(/^[a-zA-Z]\w+$/, 'must have letters, digits and underscores'), z.coerce.string())
  .refine((all) => Buffer.byteLength(Object.entries(all).flat().join('')) <= maxVariablesBytes, {
    error: 'the environment variables exceed the 4 KB limit of Lambda',
  })
  .refine((all) => !Object.keys(all).some((name) => reserved.has(name)), {
    error: 'a reserved environment variable is set',
  });

const schema = z.object({
  FunctionName: z.string(),
  Handler: z.string(),
  Role: z.string().optional(),
  Code: z.object({ S3Key: z.string() }),
  MemorySize: z.coerce.number().min(128).max(10_240).default(128),
  Timeout: z.coerce.number().min(1).max(900).default(3),
  Environment: z.object({ Variables: variables }).default({ Variables: {} }),
  DeadLetterConfig: z.object({ TargetArn: z.string() }).optional(),
  DurableConfig: z.object({ ExecutionTimeout: z.coerce.number().min(1).max(31_622_400) }).optional(),
});

const aliasSchema = z.object({ FunctionName: z.string(), Name: z.string() });

/** A function of the template, all references resolved. */
export type LambdaFunction = {
  /** Its key in serverless.yml, e.g. `getRecords`: the name of its zip. */
  readonly key: string;
  readonly functionName: string;
  readonly arn: string;
  /** e.g. `dist/getRecords/index.handler`. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Names by which it may be called, in addition to its version numbers. */
  readonly aliases: readonly string[];
  /** What its role allows; not there when the template does not make the role. */
  readonly role?: RolePolicy;
  /** Its id; not there when the function has no role in the template. */
  readonly roleId?: string;
  /** The queue of asynchronous calls that failed for good. */
  readonly deadLetterArn?: string;
  /** Only for a durable function. */
  readonly durable?: { readonly executionTimeoutSeconds: number };
};

/**
 * Reads the resolved properties of an AWS::Lambda::Function.
 * @param aliases the properties of every AWS::Lambda::Alias of the template
 * @param roles what every AWS::IAM::Role of the template allows, by its ARN
 */
export function lambdaFunction(
  arn: string,
  properties: unknown,
  aliases: readonly unknown[],
  roles: ReadonlyMap<string, RolePolicy>,
): LambdaFunction {
  const { FunctionName, Handler, Role, Code, MemorySize, Timeout, Environment, ...optional } =
    schema.parse(properties);
  const { DeadLetterConfig, DurableConfig } = optional;
  const role = Role === undefined ? undefined : roles.get(Role);
  return {
    key: /([^/]+)\.zip$/.exec(Code.S3Key)?.[1] ?? FunctionName,
    functionName: FunctionName,
    arn,
    handler: Handler,
    memoryMb: MemorySize,
    timeoutSeconds: Timeout,
    environment: Environment.Variables,
    aliases: aliases.flatMap((alias) => {
      const { FunctionName: aliased, Name } = aliasSchema.parse(alias);
      return aliased === FunctionName ? Name : [];
    }),
    ...(role && Role && { role, roleId: roleIdOf(Role.split('/').at(-1) ?? '') }),
    ...(DeadLetterConfig && { deadLetterArn: DeadLetterConfig.TargetArn }),
    ...(DurableConfig && { durable: { executionTimeoutSeconds: DurableConfig.ExecutionTimeout } }),
  };
}
