import { readFile } from 'node:fs/promises';
import * as z from 'zod';

const resourceSchema = z.object({
  Type: z.string(),
  Condition: z.string().optional(),
  Properties: z.record(z.string(), z.unknown()).default({}),
});

const templateSchema = z.object({
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(z.string(), resourceSchema),
});

/** A CloudFormation template as far as the local stack reads it; property values are still unresolved. */
export type Template = z.infer<typeof templateSchema>;

export type Resource = z.infer<typeof resourceSchema>;

/** Reads a packaged template (JSON). @throws Error naming the file when it is not one */
export async function readTemplate(file: string): Promise<Template> {
  const parsed = templateSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is not a CloudFormation template: ${parsed.error.message}`);
  return parsed.data;
}
