import { defineOperation } from './operation.ts';
import { toUpdateRequest, updateSchema } from './update-record.ts';

/** Updates one record with PUT. `""` clears a column, an absent one is left alone. Answers 200 with the record. */
export const putRecordById = defineOperation({
  name: 'putRecordById',
  schema: updateSchema,
  body: 'record',
  request: (parameters) => toUpdateRequest('PUT', parameters),
});
