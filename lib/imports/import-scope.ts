import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../core/clock.ts';
import type { Deadline } from '../core/deadline.ts';
import type { Log } from '../core/log.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/request.ts';

/** What one invocation of an import works with. */
export type ImportScope = {
  readonly s3: S3Client;
  readonly client: ServiceNowClient;
  readonly clock: Clock;
  readonly log: Log;
  /** The end of this invocation. */
  readonly deadline: Deadline;
  readonly correlationId: string;
};

/** No request of an import takes longer: ServiceNow cancels them after 60 s by itself. */
const requestMs = 65_000;

export function callContext(scope: ImportScope): CallContext {
  return { deadline: scope.deadline.within(requestMs), correlationId: scope.correlationId };
}
