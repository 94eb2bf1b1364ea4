import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { recordMessageJsonSchema } from '../../../lib/record-queue/message-schema.ts';

it('is published as the code has it (npm run schema writes it)', async () => {
  const file = new URL('../../../lib/record-queue/record-message.schema.json', import.meta.url);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(recordMessageJsonSchema());
});
