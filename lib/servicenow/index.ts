/**
 * A client for the REST APIs of a ServiceNow instance, usable by itself: it needs Node 20 or newer and nothing of AWS.
 *
 * `createClient` opens it, the functions take it as their first argument, and every failure is a `ServiceNowError` that says
 * whether the call may have taken effect (`effect`), whether another try can help (`retry`) and what to do (`advice`).
 * The last argument, a deadline, signal and correlation id, may be left out.
 *
 * @example
 * const client = createClient({
 *   readSecret: () => JSON.stringify({ instanceUrl, auth }),
 *   allowedHosts: ['127.0.0.1'], // only for an instance that is not on service-now.com
 * });
 *
 * // Read: one page, or all records of a query.
 * const query = encodedQuery().where('active', '=', 'true');
 * const { records } = await listRecords(client, { table: 'incident', query, limit: 10 });
 * for await (const record of listAll(client, { table: 'incident', query, fields: ['number'] })) {
 *   console.log(record.number);
 * }
 *
 * // Write. With a sys_id of its own a record is created once, however often this runs.
 * const sys_id = 'c0ffee00c0ffee00c0ffee00c0ffee00';
 * await createRecord(client, { table: 'incident', record: { sys_id, short_description: 'Disk full' } });
 * await updateRecord(client, { table: 'incident', sysId: sys_id, record: { state: '2' } });
 *
 * // Attach a file, and count.
 * const content = new TextEncoder().encode('hello');
 * await uploadAttachment(client, { table: 'incident', sysId: sys_id, fileName: 'a.txt', contentType: 'text/plain', content });
 * const { groups } = await aggregate(client, { table: 'incident', count: true, groupBy: ['state'] });
 *
 * // Send many calls as one request. Each has a result of its own.
 * const results = await sendBatch(client, [
 *   updateRequest({ table: 'incident', sysId: sys_id, record: { urgency: '1' } }),
 *   getRequest({ table: 'incident', sysId: 'no-such-record' }),
 * ]);
 *
 * // Errors carry their facts.
 * try {
 *   await getRecord(client, { table: 'incident', sysId: 'no-such-record' });
 * } catch (error) {
 *   if (!(error instanceof RecordNotFoundError)) throw error;
 *   console.log(error.code, error.status, error.effect);
 * }
 * await deleteRecord(client, { table: 'incident', sysId: sys_id });
 * await client.close();
 */
export type { Clock, Deadline } from '../core/clock.ts';
export { deadlineAt, systemClock } from '../core/clock.ts';
export {
  ConfigurationError,
  ConnectorError,
  DeadlineExceededError,
  type Effect,
  InvalidInputError,
  mayHaveTakenEffect,
  type Retry,
  type Scope,
} from '../core/errors.ts';
export type { Log, LogFields } from '../core/log.ts';
export type { MetricName, Metrics } from '../core/metrics.ts';
export * from './aggregate.ts';
export type { ServiceNowRecord } from './answers.ts';
export * from './attachments.ts';
export * from './batch.ts';
export type * from './call.ts';
export { type ClientOptions, createClient } from './client.ts';
export {
  type EncodedQuery,
  encodedQuery,
  escapeValue,
  instanceTime,
  narrow,
  splitForIn,
} from './encoded-query.ts';
export * from './errors.ts';
export * from './import-sets.ts';
export type { ApiVersion } from './names.ts';
export { listAll, listPages, type PageOptions } from './pages.ts';
export * from './records.ts';
export * from './requests.ts';
export type { Auth, ConnectionSecret, TlsSettings } from './secret.ts';
export * from './service-now-error.ts';
