import type { Steps } from '../../operations/steps.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { deleteRequest } from '../../servicenow/requests.ts';
import type { Done } from '../done.ts';

/** Deletes a record; one that is not there has been deleted before. @throws what the delete failed with */
export function* deleteRecord({ table, sysId }: { table: string; sysId: string }): Steps<Done> {
  const outcome = yield { request: deleteRequest({ table, sysId }) };
  if (outcome.kind === 'answered') return 'done';
  if (outcome.error instanceof RecordNotFoundError) return 'repeated';
  throw outcome.error;
}
