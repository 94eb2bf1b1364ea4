import * as z from 'zod/mini';
import { recordMessage } from './message.ts';

/** The JSON Schema of a message on the records queue, as it is published in `record-message.schema.json`. */
export function recordMessageJsonSchema(): object {
  const schema = z.toJSONSchema(recordMessage, { target: 'draft-2020-12', io: 'input' });
  return {
    ...withDefaultAction(schema),
    title: 'A message on the records queue of servicenow-functions',
    description: 'Without an action the message is a create.',
  };
}

/** The action may be left out of a create: its branch requires everything else. */
function withDefaultAction(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_key, value) => {
    const isCreate = value?.properties?.action?.const === 'create';
    return isCreate
      ? { ...value, required: value.required.filter((name: string) => name !== 'action') }
      : value;
  });
}
