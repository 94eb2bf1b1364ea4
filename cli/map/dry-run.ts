import { existsSync, readFileSync } from 'node:fs';
import { createConnections } from '../../lib/aws/connections.ts';
import { fetchSecretText } from '../../lib/aws/secrets.ts';
import { deadlineAt, systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { readEvents } from '../../lib/events/intake.ts';
import { createMapper, type MappedElement } from '../../lib/events/map-event.ts';
import type { Mappings } from '../../lib/events/mapping.ts';
import { deriveEpisodeSysId, deriveSysId, identityBy } from '../../lib/operations/identity.ts';
import { isEvent, readSignal, type Signal, workNameOf } from '../../lib/operations/signal.ts';
import type { Call } from '../../lib/record-queue/batch-executor.ts';
import { changesOf, eventOf, newRecord } from '../../lib/record-queue/life-cycle/compose.ts';
import { type Decision, decide, type Episode } from '../../lib/record-queue/life-cycle/decide.ts';
import { Episodes } from '../../lib/record-queue/writes/episodes.ts';

/** Where the record is taken from. */
export type DryRunOptions = {
  readonly current?: 'none' | 'open' | 'resolved' | 'closed' | undefined;
  readonly instance?: string | undefined;
  readonly allowedHosts?: string | undefined;
  readonly deployment?: string | undefined;
  /** Tables of the param `correlationIdTables`, separated by commas. */
  readonly correlationIdTables?: string | undefined;
};

/** A request that would go out. */
type PlannedRequest = {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: object;
  /** What a look-up is for. */
  readonly about?: string;
};

/** What one element of an event would do. */
type Plan = {
  /** The mapping file; none for a signal that came as such. */
  readonly file?: string;
  /** Place in the list `signal` of the file. */
  readonly entry?: number;
  readonly error?: string;
  readonly ignored?: string;
  readonly key?: string;
  readonly signal?: { readonly kind: string; readonly at: string; readonly eventId: string };
  readonly sysId?: string;
  /** The record that there is already; null when there is none. */
  readonly record?: { readonly number: string; readonly phase: string } | null;
  readonly decision?: string;
  readonly requests?: readonly PlannedRequest[];
  readonly lookups?: Signal['lookups'];
};

/** What an event would do, element by element. */
export async function planEvent(event: unknown, mappings: Mappings, options: DryRunOptions): Promise<Plan[]> {
  const mapper = createMapper(mappings);
  const plans: Plan[] = [];
  const message = { atMs: Date.now(), messageId: 'dry-run' };
  for (const received of readEvents(JSON.stringify(event), message)) {
    const { event: given } = received;
    if ('action' in given && given.action === 'signal') {
      plans.push(await planOf({ element: 0, entry: undefined, signal: readSignal(given) }, options));
      continue;
    }
    const { mapping, elements } = await mapper.map(given, received.arrival);
    for (const element of elements) plans.push({ file: mapping.file, ...(await planOf(element, options)) });
  }
  return plans;
}

/** The same for a person: file and entry, key, sys_id, signal, record, decision and the requests that would go out. */
export async function dryRun(event: unknown, mappings: Mappings, options: DryRunOptions): Promise<string> {
  const plans = await planEvent(event, mappings, options);
  return plans.length === 0 ? 'The event has no elements.' : plans.map(asText).join('\n\n');
}

function asText({
  file,
  entry,
  error,
  ignored,
  key,
  signal,
  sysId,
  record,
  decision,
  ...rest
}: Plan): string {
  const { requests = [], lookups } = rest;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['file', file ?? 'none: it is a signal'],
    ['entry', entry === undefined ? 'none of signal' : `signal.${entry}`],
    ['error', error],
    ['ignored', ignored],
    ['key', key],
    ['signal', signal && `${signal.kind} at ${signal.at}, ${signal.eventId}`],
    ['sys_id', sysId],
    ['record', record === undefined ? undefined : record ? `${record.number}, ${record.phase}` : 'none'],
    ['decision', decision],
    ...requests.map((request, i) => [i === 0 ? 'requests' : '', requestText(request)] as const),
    ['', lookups && `look-ups: ${JSON.stringify(lookups)}`],
  ];
  return facts
    .flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(10)}${value}`))
    .join('\n');
}

function requestText({ method, path, body, about }: PlannedRequest): string {
  const line = `${method} ${path}${about ? ` (${about})` : ''}`;
  return body ? `${line}\n${JSON.stringify(body, null, 2).replaceAll(/^/gm, '          ')}` : line;
}

async function planOf(mapped: MappedElement, options: DryRunOptions): Promise<Plan> {
  const entry = mapped.entry === undefined ? {} : { entry: mapped.entry };
  if ('error' in mapped)
    return { ...entry, error: mapped.error instanceof Error ? mapped.error.message : String(mapped.error) };
  if ('ignored' in mapped) return { ...entry, ignored: mapped.ignored };
  const { signal } = mapped;
  const table = signal.target ?? 'incident';
  const { key, at, eventId } = signal;
  const head = { ...entry, key, signal: { kind: signal.signal, at, eventId } };
  const { deployment = 'servicenow-functions/dev' } = options;
  if (signal.life === 'none' || isEvent(signal)) return { ...head, ...planOfOne(signal, table, deployment) };
  const current = options.instance
    ? await look(signal, options)
    : invented(signal, options.current, deployment);
  const decision = decide({ ...signal, atMs: Date.parse(signal.at) }, current);
  return {
    ...head,
    sysId: current?.sysId ?? deriveEpisodeSysId(deployment, table, signal, 1),
    record: current ? { number: current.number, phase: current.phase } : null,
    decision: named(decision),
    requests: requestsOf(decision, signal, table, current, deployment),
    ...(decision.kind !== 'nothing' && lookupsOf(signal)),
  };
}

/** What goes out for a record without a life, or for an event: made once. */
function planOfOne(signal: Signal, table: string, deployment: string): Plan {
  if (isEvent(signal) && signal.signal !== 'open' && signal.signal !== 'resolve')
    return { decision: 'ignored: it is no alarm' };
  const sysId = deriveSysId(deployment, table, workNameOf(signal));
  const more = isEvent(signal) ? eventOf({ ...signal, atMs: Date.parse(signal.at) }) : {};
  const body = { sys_id: sysId, ...signal.fields, ...more };
  return {
    sysId,
    decision: `one record of ${table}`,
    requests: [{ method: 'POST', path: `/api/now/table/${table}`, body }],
    ...lookupsOf(signal),
  };
}

function lookupsOf({ lookups }: Signal): Pick<Plan, 'lookups'> {
  return lookups ? { lookups } : {};
}

/** A record as it would be after the state before. */
function invented(signal: Signal, phase: DryRunOptions['current'], deployment: string): Episode | undefined {
  if (phase === undefined || phase === 'none') return undefined;
  const atMs = Date.parse(signal.at) - 3_600_000;
  const { source, target: table = 'incident' } = signal;
  const last = phase === 'resolved' ? 'resolved' : 'broken';
  return {
    ...{
      episode: 1,
      sysId: deriveEpisodeSysId(deployment, table, signal, 1),
      number: 'the current one',
      phase,
    },
    ...{ endedAtMs: phase === 'open' ? undefined : atMs, isAssigned: false },
    mark: { source, episode: 1, atMs, last, reopens: 0, events: [] },
  };
}

async function look(signal: Signal, options: DryRunOptions): Promise<Episode | undefined> {
  const { instance: secret = '', allowedHosts = '', deployment = 'servicenow-functions/dev' } = options;
  const config = readConfig({
    SERVICENOW_SECRET_ID: secret,
    ALLOWED_TABLES: '*',
    ALLOWED_HOSTS: allowedHosts,
    CORRELATION_ID_TABLES: options.correlationIdTables,
  });
  const fetchSecret = async () =>
    existsSync(secret) ? readFileSync(secret, 'utf8') : fetchSecretText(secret);
  const connections = createConnections({ config, fetchSecret });
  try {
    const { client } = connections.connect();
    const context = { deadline: deadlineAt(Date.now() + 30_000, systemClock), correlationId: 'map' };
    const asking = {
      send: ({ request }: Call) => client.send(request, context),
      naming: { deployment, identityOf: identityBy(deployment, config.records.correlationIdTables) },
      shownColumns: new Set<string>(),
    };
    const { source, key, target: table = 'incident' } = signal;
    const byCorrelationId = asking.naming.identityOf(table, '').kind === 'correlation_id';
    return await new Episodes({ table, source, key }, asking, byCorrelationId).findLast();
  } finally {
    await connections.close();
  }
}

function named(decision: Decision): string {
  if (decision.kind === 'nothing') return `${decision.verdict}: ${decision.reason}`;
  if (decision.kind === 'create') return `create record ${decision.mark.episode}`;
  return decision.remark ? `${decision.what}: ${decision.remark}` : decision.what;
}

const none = { columns: {}, remarks: [] };

function requestsOf(
  decision: Decision,
  signal: Signal,
  table: string,
  current: Episode | undefined,
  deployment: string,
): readonly PlannedRequest[] {
  const timed = { ...signal, atMs: Date.parse(signal.at) };
  const about = `looks for records 1 and 2${signal.lookups ? ', and look-ups' : ''}`;
  const look = { method: 'POST', path: '/api/now/v1/batch', about } as const;
  if (decision.kind === 'nothing') return [look];
  if (decision.kind === 'create') {
    const sys_id = deriveEpisodeSysId(deployment, table, signal, decision.mark.episode);
    const body = { sys_id, ...newRecord(decision, timed, none) };
    return [look, { method: 'POST', path: `/api/now/table/${table}`, body }];
  }
  const path = `/api/now/table/${table}/${current?.sysId ?? ''}`;
  return [look, { method: 'PATCH', path, body: changesOf(decision, timed, none) ?? {} }];
}
