import { writeFile } from 'node:fs/promises';
import { recordMessageJsonSchema } from './message-schema.ts';

/** `npm run schema`: writes the published JSON Schema. */
const file = new URL('./record-message.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(recordMessageJsonSchema(), null, 2)}\n`);
