import { readFile } from 'node:fs/promises';
import * as z from 'zod';

const resourceSchema = z.looseObject({
  Type: z.string(),
  Condition: z.string().optional(),
  Properties: z.record(z.string(), z.unknown()).default({}),
});

const parameterSchema = z.looseObject({ Default: z.coerce.string().optional() });

const templateSchema = z.looseObject({
  Parameters: z.record(z.string(), parameterSchema).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(z.string(), resourceSchema),
});

/** A CloudFormation template ; values are still unresolved. What the local stack does not read stays as it is. */
export type Template = z.infer<typeof templateSchema>;

export type Resource = z.infer<typeof resourceSchema>;

/** Reads a packaged template (JSON). @throws Error naming the file when it is not one */
export async function readTemplate(file: string): Promise<Template> {
  return asTemplate(JSON.parse(await readFile(file, 'utf8')), file);
}

/** @throws Error naming `origin` when the value is no template */
export function asTemplate(value: unknown, origin = 'The value'): Template {
  const parsed = templateSchema.safeParse(value);
  if (!parsed.success) throw new Error(`${origin} is not a CloudFormation template: ${parsed.error.message}`);
  return parsed.data;
}
