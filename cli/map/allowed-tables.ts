import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as z from 'zod';

const serverlessFile = z.object({ params: z.object({ default: z.object({ allowedTables: z.string() }) }) });

/**
 * The tables that a deployment serves by the `serverless.yml` of the current folder; all where there is none. Those of a stage, of the
 * command line or of several instances are known when packaging only.
 */
export function allowedTables(file = 'serverless.yml'): readonly string[] {
  if (!existsSync(file)) return ['*'];
  const { data } = serverlessFile.safeParse(parse(readFileSync(file, 'utf8'), { logLevel: 'silent' }));
  const text = data?.params.default.allowedTables.toLowerCase() ?? '*';
  return text.startsWith('{') ? ['*'] : text.split(',').map((table) => table.trim());
}
