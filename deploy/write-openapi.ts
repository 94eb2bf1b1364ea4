import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './bundle.ts';
import { openApiDocument } from './openapi.ts';

/** `npm run openapi`: writes docs/openapi.json. */
await writeFile(join(projectRoot, 'docs/openapi.json'), `${JSON.stringify(openApiDocument(), null, 2)}\n`);
