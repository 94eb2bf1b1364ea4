import type { S3Client } from '@aws-sdk/client-s3';
import type { Connections } from '../aws/connections.ts';
import type { Clock, Deadline } from '../core/clock.ts';
import { allowsTable } from '../core/config.ts';
import { ConfigurationError, TableNotAllowedError } from '../core/errors.ts';
import { inParts } from '../core/in-parts.ts';
import type { Log } from '../core/log.ts';
import type { Outcomes } from '../outcomes/outcomes.ts';
import type { ServiceNowRecord } from '../servicenow/answers.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { clockOffsetMs, encodedQuery } from '../servicenow/encoded-query.ts';
import { AccessDeniedError, ThrottledError } from '../servicenow/errors.ts';
import { listPages } from '../servicenow/pages.ts';
import { listRecords } from '../servicenow/records.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';

/** What one invocation of an import works with. */
export type ImportScope = {
  readonly s3: S3Client;
  readonly client: ServiceNowClient;
  /** The instance by its name in the deployment. */
  readonly instance?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly outcomes?: Outcomes;
  /** The end of this invocation. */
  readonly deadline: Deadline;
  readonly correlationId: string;
  /** The staging column in which who dropped the file is written down; absent for none. */
  readonly callerColumn?: string | undefined;
};

/** Finds the client for a staging table of the named instance, or of the deployment's first. */
type ClientFor = ((table: string, instanceName: string | undefined) => ServiceNowClient) & {
  /** The name of the instance that a client is for. */
  readonly nameOf?: (instanceName: string | undefined) => string;
};

/** What an invocation works with before it has read the settings of its import, which name the instance. */
export type ImportDeps = Omit<ImportScope, 'client'> & { readonly clientFor: ClientFor };

/**
 * Serves the instances that a drop folder may name, and of each the tables that the deployment allows. Who may drop a file may write
 * its settings too: which instances these may name is the deployment's to say.
 * The function it gives throws ConfigurationError for other instances, TableNotAllowedError for other tables.
 * @param dropInstances names in addition to the first instance; `*` for all
 */
export function clientsOf(connect: Connections['connect'], dropInstances: readonly string[]): ClientFor {
  const clientFor = (table: string, instanceName: string | undefined) => {
    const { instance, client } = connect(instanceName);
    const mayBeNamed = [connect().instance.name, ...dropInstances];
    if (!mayBeNamed.includes(instance.name) && !mayBeNamed.includes('*'))
      throw new ConfigurationError(
        'instance',
        `${instance.name} may not be named by a drop folder; add it to the param dropInstances of the deployment`,
      );
    if (!allowsTable(instance, table)) throw new TableNotAllowedError(table);
    return client;
  };
  return Object.assign(clientFor, { nameOf: (name: string | undefined) => connect(name).instance.name });
}

/** The scope of an import whose settings are known. @throws ConfigurationError, TableNotAllowedError */
export function scopeOf(
  { clientFor, ...deps }: ImportDeps,
  table: string,
  instanceName: string | undefined,
): ImportScope {
  return { ...deps, client: clientFor(table, instanceName), instance: clientFor.nameOf?.(instanceName) };
}

/** No request of an import takes longer: ServiceNow cancels them after 60 s by itself. */
const requestMs = 65_000;

/** The deadline and the log fields of a call of an import. */
export function callContext(scope: ImportScope): CallContext {
  return { deadline: scope.deadline.within(requestMs), correlationId: scope.correlationId };
}

/** A record as the Table API gives it without display values and links: every value is text. */
export type InstanceRow = Readonly<Record<string, string>>;

/** Which records of a table, and what of them. */
export type RowQuery = {
  readonly table: string;
  /** Encoded query. */
  readonly query: string;
  readonly fields: readonly string[];
  readonly limit: number;
  /** `all` adds `<field>.display_value` next to each field. */
  readonly displayValues?: boolean;
};

/**
 * One page of a table.
 * @throws ServiceNowError
 */
export async function listRows(
  client: ServiceNowClient,
  query: RowQuery,
  context: CallContext,
): Promise<InstanceRow[]> {
  const { records } = await listRecords(client, { ...optionsOf(query), noCount: true }, context);
  return records.map(flatten);
}

/**
 * One page of a table, and how many rows the instance holds for the query, those included that access rules hide from
 * the user (docs/servicenow-contract.md 1.4).
 * @throws ServiceNowError
 */
export async function listCounted(
  client: ServiceNowClient,
  query: RowQuery,
  context: CallContext,
): Promise<{ readonly rows: InstanceRow[]; readonly total: number }> {
  const { records, totalCount } = await listRecords(client, optionsOf(query), context);
  return { rows: records.map(flatten), total: totalCount ?? records.length };
}

/**
 * By how much the clock of the instance is ahead of ours, in milliseconds: see `clockOffsetMs`.
 * @param table one that the user may read
 * @throws ServiceNowError
 */
export async function instanceOffsetMs(scope: ImportScope, table: string): Promise<number> {
  const any = { ...optionsOf({ table, query: '', fields: ['sys_id'], limit: 1 }), noCount: true };
  const { response } = await listRecords(scope.client, any, callContext(scope));
  return clockOffsetMs(response.headers, scope.clock.now());
}

function optionsOf(query: RowQuery) {
  return {
    table: query.table,
    query: query.query,
    fields: query.fields,
    limit: query.limit,
    displayValue: query.displayValues ? 'all' : 'false',
    excludeReferenceLink: true,
    suppressPaginationHeader: true,
  } as const;
}

/** Every record of a query, a page at a time, by ascending sys_id; each page may take as long as any request. @throws ServiceNowError */
export async function* pageRows(scope: ImportScope, query: RowQuery): AsyncGenerator<InstanceRow[]> {
  const { limit: pageSize, suppressPaginationHeader: _, ...options } = optionsOf(query);
  const contextOfPage = () => callContext(scope);
  for await (const { records } of listPages(scope.client, { ...options, pageSize }, contextOfPage))
    yield records.map(flatten);
}

function flatten(record: ServiceNowRecord): InstanceRow {
  const row: Record<string, string> = {};
  for (const [name, value] of Object.entries(record)) {
    if (value === null || typeof value === 'string') row[name] = value ?? '';
    else {
      row[name] = value['value'] ?? '';
      row[`${name}.display_value`] = value['display_value'] ?? '';
    }
  }
  return row;
}

/** What is read, or undefined where access rules refuse it. */
export async function unlessHidden<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AccessDeniedError) return undefined;
    throw error;
  }
}

/** The 500 of those who may not read a transform map: a row was taken all the same (KB0791757). */
export function hidesMap({ message }: ServiceNowError): boolean {
  return /transform_map=null/.test(message);
}

/** A column of the user whom we sign in as; undefined when the instance does not say. */
export async function readOwnUser(
  client: ServiceNowClient,
  column: 'user_name' | 'time_zone',
  context: CallContext,
): Promise<string | undefined> {
  const query = encodedQuery().isCaller('user_name', 'user_name').toString();
  const own = { table: 'sys_user', query, fields: [column], limit: 2 };
  const rows = await unlessHidden(() => listRows(client, own, context));
  // An instance that does not run the script lists no one, or everyone.
  return rows?.length === 1 ? rows[0]?.[column] : undefined;
}

/** True where a read came to nothing on an instance that is up: it answers another one, or turned it away for being one too many. */
export async function isUpDespite(scope: ImportScope, error: unknown): Promise<boolean> {
  if (error instanceof ThrottledError) return true;
  if (!(error instanceof ServiceNowError) || error.scope === 'instance') return false;
  try {
    await readOwnUser(scope.client, 'user_name', callContext(scope));
    return true;
  } catch {
    return false;
  }
}

/** Ids or keys that one query names: 35 characters each, comma included, in a URL that may have about 8,000 (docs/servicenow-contract.md 1.4). */
export const namedAtOnce = 200;

/** Names in parts that one query each can carry. */
export function partsToName(names: readonly string[]): readonly (readonly string[])[] {
  return inParts(names, namedAtOnce);
}
