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

/** What an event would do: file and entry, key, sys_id, signal, record, decision and the requests that would go out. */
export async function dryRun(event: unknown, mappings: Mappings, options: DryRunOptions): Promise<string> {
  const mapper = createMapper(mappings);
  const parts: string[] = [];
  const message = { atMs: Date.now(), messageId: 'dry-run' };
  for (const received of readEvents(JSON.stringify(event), message)) {
    const { event: given } = received;
    if ('action' in given && given.action === 'signal') {
      const mapped = { element: 0, entry: undefined, signal: readSignal(given) };
      parts.push(['file      none: it is a signal', ...(await describe(mapped, options))].join('\n'));
      continue;
    }
    const { mapping, elements } = await mapper.map(given, received.arrival);
    for (const element of elements)
      parts.push([`file      ${mapping.file}`, ...(await describe(element, options))].join('\n'));
  }
  return parts.length === 0 ? 'The event has no elements.' : parts.join('\n\n');
}

async function describe(mapped: MappedElement, options: DryRunOptions): Promise<readonly string[]> {
  const entry = `entry     ${mapped.entry === undefined ? 'none of signal' : `signal.${mapped.entry}`}`;
  if ('error' in mapped)
    return [entry, `error     ${mapped.error instanceof Error ? mapped.error.message : mapped.error}`];
  if ('ignored' in mapped) return [entry, `ignored   ${mapped.ignored}`];
  const { signal } = mapped;
  const table = signal.target ?? 'incident';
  const head = [
    entry,
    `key       ${signal.key}`,
    `signal    ${signal.signal} at ${signal.at}, ${signal.eventId}`,
  ];
  const { deployment = 'servicenow-functions/dev' } = options;
  if (signal.life === 'none' || isEvent(signal)) return [...head, ...requestOfOne(signal, table, deployment)];
  const current = options.instance
    ? await look(signal, options)
    : invented(signal, options.current, deployment);
  const decision = decide({ ...signal, atMs: Date.parse(signal.at) }, current);
  return [
    ...head,
    `sys_id    ${current?.sysId ?? deriveEpisodeSysId(deployment, table, signal, 1)}`,
    `record    ${current ? `${current.number}, ${current.phase}` : 'none'}`,
    `decision  ${named(decision)}`,
    ...requestsOf(decision, signal, table, current, deployment),
  ];
}

/** What goes out for a record without a life, or for an event: made once. */
function requestOfOne(signal: Signal, table: string, deployment: string): readonly string[] {
  if (isEvent(signal) && signal.signal !== 'open' && signal.signal !== 'resolve')
    return ['decision  ignored: it is no alarm'];
  const sys_id = deriveSysId(deployment, table, workNameOf(signal));
  const more = isEvent(signal) ? eventOf({ ...signal, atMs: Date.parse(signal.at) }) : {};
  return [
    `sys_id    ${sys_id}`,
    `decision  one record of ${table}`,
    `requests  POST /api/now/table/${table}`,
    show({ sys_id, ...signal.fields, ...more }),
    ...lookupsOf(signal),
  ];
}

function lookupsOf({ lookups }: Signal): readonly string[] {
  return lookups ? [`          look-ups: ${JSON.stringify(lookups)}`] : [];
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
): readonly string[] {
  const timed = { ...signal, atMs: Date.parse(signal.at) };
  const look = `requests  POST /api/now/v1/batch (looks for records 1 and 2${signal.lookups ? ', and look-ups' : ''})`;
  if (decision.kind === 'nothing') return [look];
  const lookups = lookupsOf(signal);
  if (decision.kind === 'create') {
    const sys_id = deriveEpisodeSysId(deployment, table, signal, decision.mark.episode);
    return [
      look,
      `          POST /api/now/table/${table}`,
      show({ sys_id, ...newRecord(decision, timed, none) }),
      ...lookups,
    ];
  }
  const path = `/api/now/table/${table}/${current?.sysId ?? ''}`;
  return [look, `          PATCH ${path}`, show(changesOf(decision, timed, none)), ...lookups];
}

function show(columns: object | undefined): string {
  return JSON.stringify(columns ?? {}, null, 2).replaceAll(/^/gm, '          ');
}
