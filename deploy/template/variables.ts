import * as z from 'zod';
import type { CompiledTemplate } from './shape.ts';

/** All variables of a function together. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const mostBytes = 4096;

/** What a name or an ARN that CloudFormation fills in may have, e.g. the URL of a queue. */
const bytesOfReference = 160;

const environmentSchema = z.object({ Variables: z.record(z.string(), z.unknown()) });
const parametersSchema = z.record(z.string(), z.looseObject({ Default: z.unknown().optional() }));

/**
 * Refuses settings that are too long for the variables of a function: CloudFormation would say so half-way.
 * @throws Error naming the function and its longest variables
 */
export function checkVariables({
  Resources,
  ...template
}: CompiledTemplate & { Parameters?: unknown }): void {
  const parameters = parametersSchema.parse(template.Parameters ?? {});
  for (const [logicalId, { Type, Properties }] of Object.entries(Resources)) {
    if (Type !== 'AWS::Lambda::Function') continue;
    const { success, data } = environmentSchema.safeParse(Properties['Environment']);
    if (!success) continue;
    const sizes = Object.entries(data.Variables).map(
      ([name, value]) => [name, Buffer.byteLength(name) + bytesOf(value, parameters)] as const,
    );
    const bytes = sizes.reduce((sum, [, size]) => sum + size, 0);
    if (bytes <= mostBytes) continue;
    const longest = sizes.toSorted(([, one], [, other]) => other - one).slice(0, 3);
    const named = longest.map(([name, size]) => `${name} (${size})`).join(', ');
    throw new Error(
      `the variables of ${logicalId.replace(/LambdaFunction$/, '')} have ${bytes} bytes; Lambda takes ${mostBytes}. The longest: ${named}`,
    );
  }
}

function bytesOf(value: unknown, parameters: z.infer<typeof parametersSchema>): number {
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(String(value ?? ''));
  const reference = 'Ref' in value && typeof value.Ref === 'string' ? parameters[value.Ref] : undefined;
  return reference ? Buffer.byteLength(String(reference.Default ?? '')) : bytesOfReference;
}
