import type { S3Client } from '@aws-sdk/client-s3';
import type { Connections } from '../aws/connections.ts';
import type { Clock } from '../core/clock.ts';
import { allowsTable } from '../core/config.ts';
import type { Deadline } from '../core/deadline.ts';
import { TableNotAllowedError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import type { ImportSettings } from './plan/settings.ts';
import type { ImportRequest } from './schedule/import-request.ts';

/** What one invocation of an import works with. */
export type ImportScope = {
  readonly s3: S3Client;
  readonly client: ServiceNowClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly outcomes?: Outcomes;
  /** The end of this invocation. */
  readonly deadline: Deadline;
  readonly correlationId: string;
};

/** Finds the client for a staging table of the named instance, or of the deployment's first. */
type ClientFor = (table: string, instanceName: string | undefined) => ServiceNowClient;

/** What an invocation works with before the settings of its import tell which instance it is for. */
export type ImportSurroundings = Omit<ImportScope, 'client'> & { readonly clientFor: ClientFor };

/**
 * Serves the instances that the deployment lists, and of each the tables that it allows.
 * The function it gives throws ConfigurationError for other instances, TableNotAllowedError for other tables.
 */
export function clientsOf(connect: Connections['connect']): ClientFor {
  return (table, instanceName) => {
    const { instance, client } = connect(instanceName);
    if (!allowsTable(instance, table)) throw new TableNotAllowedError(table);
    return client;
  };
}

/** The scope of an import whose settings are known. @throws ConfigurationError, TableNotAllowedError */
export function scopeOf(
  { clientFor, ...surroundings }: ImportSurroundings,
  { table }: ImportRequest,
  { instance }: ImportSettings,
): ImportScope {
  return { ...surroundings, client: clientFor(table, instance) };
}

/** No request of an import takes longer: ServiceNow cancels them after 60 s by itself. */
const requestMs = 65_000;

export function callContext(scope: ImportScope): CallContext {
  return { deadline: scope.deadline.within(requestMs), correlationId: scope.correlationId };
}
