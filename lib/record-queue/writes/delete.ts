import type { Steps } from '../../operations/steps.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { tablePath } from '../../servicenow/url.ts';
import type { Done } from '../done.ts';

/** Deletes a record; one that is not there has been deleted before. @throws what the delete failed with */
export function* deleteRecord({ table, sysId }: { table: string; sysId: string }): Steps<Done> {
  const outcome = yield {
    request: { method: 'DELETE', path: tablePath(table, sysId), repeatable: 'idempotent' },
  };
  if (outcome.kind === 'answered') return 'done';
  if (outcome.error instanceof RecordNotFoundError) return 'repeated';
  throw outcome.error;
}
