import { writeFile } from 'node:fs/promises';
import { outcomeJsonSchema } from './outcome-schema.ts';

/** `npm run schema`: writes the published JSON Schema again. */
const file = new URL('./outcome-event.v1.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(outcomeJsonSchema(), null, 2)}\n`);
