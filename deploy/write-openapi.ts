import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './bundle.ts';
import { openApiDocument } from './openapi.ts';
import { readScriptArguments } from './script-arguments.ts';

readScriptArguments('npm run openapi: writes docs/openapi.json from the schemas of the operations');
await writeFile(join(projectRoot, 'docs/openapi.json'), `${JSON.stringify(openApiDocument(), null, 2)}\n`);
