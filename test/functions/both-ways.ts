import { onTestFinished } from 'vitest';
import { createConnections } from '../../lib/aws/connections.ts';
import { EffectLedger } from '../../lib/aws/effect-ledger.ts';
import { keyedWritesIn } from '../../lib/aws/keyed-writes.ts';
import type { Deadline } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import type { Operation } from '../../lib/operations/define-operation.ts';
import { deriveSysId, identityBy } from '../../lib/operations/identity.ts';
import { deleteRecordById, patchRecordById, postRecord } from '../../lib/operations/table.ts';
import { operationHandler } from '../../lib/runtime.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import { gatewayDeps } from '../lib/gateway/gateway-deps.ts';
import { httpEvent, lambdaContext, type TestRequest } from '../lib/gateway/lambda-events.ts';
import { type QueueOptions, startQueue } from '../lib/record-queue/emulated-queue.ts';

type Answer = { readonly statusCode: number; readonly headers: Readonly<Record<string, string>> };

/**
 * One deployment before an instance without incidents: its records queue, and its HTTP API.
 * @param throughHttp stands between the HTTP API and the client
 * @param startMs the time at which its clock starts, in milliseconds since the Unix epoch
 */
export async function startBothWays(
  options: QueueOptions = {},
  throughHttp: (client: ServiceNowClient) => ServiceNowClient = (client) => client,
  startMs = Date.now(),
) {
  let aheadMs = startMs - Date.now();
  const clock = { now: () => Date.now() + aheadMs, sleep: async () => {} };
  const queue = await startQueue({ ...options, clock, instance: { ...options.instance, clock } });
  onTestFinished(() => queue.close());
  const { store } = queue.instance.state;
  for (const { sys_id } of store.select('incident')) store.remove('incident', String(sys_id));
  const config = readConfig({
    SERVICENOW_SECRET_ID: 'demo',
    ALLOWED_TABLES: '*',
    ALLOWED_HOSTS: '127.0.0.1',
    ...options.environment,
  });
  const { deployment, records } = config;
  const { url: instanceUrl, username, password } = queue.instance;
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const connections = createConnections({ config, fetchSecret: async () => secret });
  onTestFinished(() => connections.close());
  const connect = (name?: string) => {
    const { instance, client } = connections.connect(name);
    return { instance, client: throughHttp(client) };
  };
  const { throughTable = (given) => given } = options;
  const table = () => throughTable(queue.state.table);
  const sysIdOf = (ofTable: string, key: string) => deriveSysId(deployment, ofTable, key);
  const openLedger = (instance: string, deadline: Deadline) =>
    new EffectLedger(table, { deployment, instance, sysIdOf }, clock, deadline);
  const deps = gatewayDeps(config, connect, {
    identityOf: identityBy(deployment, records.correlationIdTables),
    keyedWrites: keyedWritesIn(table, deployment, clock),
    openLedger,
    clock,
  });
  const http = async (operation: Operation, request: TestRequest) => {
    const answer = await operationHandler(operation, () => deps)(httpEvent(request), lambdaContext());
    const { statusCode, headers }: Partial<Answer> = { ...Object(answer) };
    return { statusCode, headers: { ...headers } };
  };
  const call = (operation: Operation, method: string, path: string, body: object, key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const url = `/api/now/table/incident${path}`;
    return http(operation, { method, url, headers, body: JSON.stringify(body) });
  };
  return {
    queue,
    store,
    incidents: () => store.select('incident'),
    deadLetters: () => queue.deadLetters.map(({ attributes }) => attributes['ErrorCode']),
    later(ms: number) {
      aheadMs += ms;
    },
    http,
    post: (record: object, key?: string) => call(postRecord, 'POST', '', record, key),
    patch: (sysId: string, record: object, key?: string) =>
      call(patchRecordById, 'PATCH', `/${sysId}`, record, key),
    remove: (sysId: string, key?: string) => call(deleteRecordById, 'DELETE', `/${sysId}`, {}, key),
  };
}

/** Loses the answer to the first write of a kind before the instance has done it; `commit` lets it do so. */
export function late(isLate: (request: ServiceNowRequest) => boolean) {
  let commit: (() => Promise<unknown>) | undefined;
  const through = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      if (commit || !isLate(request)) return client.send(request, context);
      commit = () => client.send(request).catch((error: unknown) => error);
      const { method, path } = request;
      throw new UnknownOutcomeError('the answer was lost', { method, path, effect: 'unknown' });
    },
  });
  return { through, commit: async () => commit?.() };
}
