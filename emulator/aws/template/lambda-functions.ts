import * as z from 'zod';

const schema = z.object({
  FunctionName: z.string(),
  Handler: z.string(),
  Code: z.object({ S3Key: z.string() }),
  MemorySize: z.coerce.number().default(128),
  Timeout: z.coerce.number().default(3),
  Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()) }).default({ Variables: {} }),
  DurableConfig: z.object({ ExecutionTimeout: z.coerce.number() }).optional(),
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
  /** Names under which it may be called beside its version numbers. */
  readonly aliases: readonly string[];
  /** Only for a durable function. */
  readonly durable?: { readonly executionTimeoutSeconds: number };
};

/**
 * Reads the resolved properties of an AWS::Lambda::Function.
 * @param aliases the properties of every AWS::Lambda::Alias of the template
 */
export function lambdaFunction(
  arn: string,
  properties: unknown,
  aliases: readonly unknown[],
): LambdaFunction {
  const { FunctionName, Handler, Code, MemorySize, Timeout, Environment, DurableConfig } =
    schema.parse(properties);
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
    ...(DurableConfig && { durable: { executionTimeoutSeconds: DurableConfig.ExecutionTimeout } }),
  };
}
