import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './bundle.ts';
import { jsonSchemas } from './json-schemas.ts';
import { readScriptArguments } from './script-arguments.ts';

readScriptArguments('npm run schema: writes schemas/');
for (const [file, schema] of Object.entries(jsonSchemas()))
  await writeFile(join(projectRoot, 'schemas', file), `${JSON.stringify(schema, null, 2)}\n`);
