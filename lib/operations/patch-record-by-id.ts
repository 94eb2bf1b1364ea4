import { defineOperation } from './operation.ts';
import { toUpdateRequest, updateSchema } from './update-record.ts';

/** Updates one record with PATCH. `""` clears a column, an absent one is left alone. Answers 200 with the record. */
export const patchRecordById = defineOperation({
  name: 'patchRecordById',
  schema: updateSchema,
  body: 'record',
  request: (parameters) => toUpdateRequest('PATCH', parameters),
});
