import { disturbDynamoDb, refuseS3 } from '../harness/aws-refusals.ts';
import type { Dice } from '../harness/dice.ts';
import type { Decide, Treatment } from '../harness/fault-proxy.ts';
import type { FaultInstance, FaultStack, InstanceName } from '../harness/fault-stack.ts';
import { type Counts, sumOf } from '../harness/storm-report.ts';
import { type ImportKind, importKinds, inDoubtSeconds, rowsOfKind } from './import-tables.ts';

const load = { method: 'POST', path: '/api/now/*import/*' };
const batch = { method: 'POST', path: '/api/now/*batch' };
const look = { method: 'GET', path: '/api/now/*' };

const importFaults = [
  { name: 'load: reset before commit', match: load, action: 'reset-before-commit' },
  { name: 'load: reset after commit', match: load, action: 'reset-after-commit' },
  { name: 'load: 500 after commit', match: load, action: 'error-after-commit' },
  { name: 'load: throttled', match: load, action: 'throttled', retryAfterS: 1 },
  { name: 'load: unavailable', match: load, action: 'unavailable' },
  { name: 'load: hibernating', match: load, action: 'hibernate' },
  { name: 'load: half stored', match: load, action: 'half-stored' },
  { name: 'rows: reset after commit', match: batch, action: 'reset-after-commit' },
  { name: 'rows: one throttled in a batch', match: { ...load, batchItem: true }, action: 'throttled' },
  { name: 'rows: one failed in a batch', match: { ...load, batchItem: true }, action: 'server-error' },
  { name: 'look: reset', match: look, action: 'reset-before-commit' },
  { name: 'look: throttled', match: look, action: 'throttled' },
  { name: 'look: truncated', match: look, action: 'truncate' },
  { name: 'look: unavailable', match: look, action: 'unavailable' },
];

/** Another client loads rows like those of a request; not where they carry keys, which no other client has. */
const rivalFaults = [
  { name: 'load: another client before', action: 'other-client', rows: 'alike' },
  { name: 'load: another client after', action: 'other-client', rows: 'same', when: 'after' },
].flatMap((fault) =>
  Object.values(importKinds)
    .filter(({ isKeyed, settings, instance }) => !isKeyed && !('mode' in settings) && instance === 'first')
    .map(({ table }) => ({ ...fault, match: { method: 'POST', path: `/api/now/*import/${table}/*` } })),
);

type WeatherOptions = { readonly rows: number; readonly seed: number; readonly dice: Dice };

/**
 * Lets everything around the imports misbehave: instances, S3, DynamoDB and Lambda.
 * @returns counts how often each kind of fault has struck
 */
export function stirUpImports(stack: FaultStack, options: WeatherOptions): () => Counts[] {
  const { instances, s3Proxy, dynamoDbProxy, lambdaProxy } = stack;
  const { dice } = options;
  const names = ['first', 'second'] as const;
  const counters = names.map((name) => stirUpInstance(instances[name], shareOf(name, options)));
  const refusals = [refuseS3(dice.random, 0.02), disturbDynamoDb(dice.random, 0.02)] as const;
  s3Proxy.decide = refusals[0].decide;
  dynamoDbProxy.decide = refusals[1].decide;
  const starts = throttleLambda(dice);
  lambdaProxy.decide = starts.decide;
  return () => [...counters.map((count) => count()), ...refusals.map(({ counts }) => counts), starts.counts];
}

type Share = WeatherOptions & {
  /** Requests that load rows, about. */
  readonly loads: number;
};

/** What an instance gets of a storm. */
function shareOf(name: InstanceName, options: WeatherOptions): Share {
  const own = Object.values(importKinds).filter(({ instance }) => instance === name);
  const sumOver = (of: (kind: ImportKind) => number) => own.reduce((sum, kind) => sum + of(kind), 0);
  const loads = sumOver((kind) => rowsOfKind(kind, options.rows) / rowsInRequest(kind));
  return { ...options, rows: sumOver((kind) => rowsOfKind(kind, options.rows)), loads };
}

function rowsInRequest({ rowsPerRequest, isOrdered, settings }: ImportKind): number {
  return 'mode' in settings && isOrdered ? 1 : rowsPerRequest;
}

/** A storm of fewer rows makes too few requests for faults that are spread over it to occur. */
const shortStorm = 10_000;
/** So much of a longer one has faults; its end shows that all comes in order again. */
const stormyPart = 0.6;

/**
 * Faults of each kind on the requests of imports, a few more for every 1,500 rows, on the instance and before it. They are spread over
 * the storm: all at once, they would strike the first files only.
 */
function stirUpInstance({ instance, proxy }: FaultInstance, { rows, seed, dice, loads }: Share) {
  const { faults } = instance.control;
  const many = 1 + Math.floor(rows / 1_500);
  const planned = [...importFaults, ...rivalFaults].map(({ name, ...fault }, index) => {
    const isOfTable = index >= importFaults.length;
    const count = isOfTable ? Math.ceil(many / 4) : many;
    const usual = 0.1 + dice.random() * 0.2;
    const spread = count / (stormyPart * (isOfTable ? loads / Object.keys(importKinds).length : loads));
    const probability = rows < shortStorm ? usual : Math.min(usual, spread);
    return { name, count, id: faults.add({ ...fault, count, probability, seed: seed + index }) };
  });
  const late = { count: 0 };
  const mostLate = 2 + rows / 500;
  const latePercent = rows < shortStorm ? 8 : Math.min(8, (100 * mostLate) / (stormyPart * loads));
  const proxies = proxyBeforeInstance(dice, loads);
  proxy.decide = (passage) => {
    const { method, path } = passage;
    const refused = proxies.decide(passage);
    if (refused) return refused;
    const isLoad = method === 'POST' && /^\/api\/now\/(v\d\/)?(import|batch)/.test(path);
    if (!isLoad || late.count > mostLate || !dice.chance(latePercent)) return undefined;
    late.count += 1;
    return { kind: 'late', delayMs: 200 + dice.random() * (inDoubtSeconds - 1.5) * 1_000 };
  };
  return (): Counts => {
    const waiting = new Map(faults.list().map(({ id, applied }) => [id, applied]));
    const struck = planned.map(({ name, id, count }) => ({ [name]: waiting.get(id) ?? count }));
    return sumOf([...struck, proxies.counts, { 'load finished late': late.count }]);
  };
}

/** A proxy that takes no longer request than of so many rows for a while. */
const mostRowsTaken = 10;
/** For so long the staging tables cannot be read, while rows are still taken. */
const unreadMs = 2_500;
const stagingTable = new RegExp(
  `^/api/now/(v\\d/)?(stats|table)/(${Object.values(importKinds)
    .map(({ table }) => table)
    .join('|')})\\b`,
);

/** What stands before an instance finds some requests too large, and passes on no reading of verdicts for a while, twice. */
function proxyBeforeInstance({ chance }: Dice, loads: number) {
  const counts = { 'load: too large': 0, 'verdicts: not to be read for a while': 0 };
  const most = 2 + loads / 50;
  let [seen, outages, untilMs] = [0, 0, 0];
  const decide: Decide = ({ method, path, body }) => {
    if (method === 'POST' && path.includes('/insertMultiple')) {
      seen += 1;
      const { records }: { records: unknown[] } = JSON.parse(body.toString());
      const isLong = records.length > mostRowsTaken && counts['load: too large'] < most;
      // The first one in any case, so that it occurs in a short storm, too.
      if (!isLong || (counts['load: too large'] > 0 && !chance(5))) return undefined;
      counts['load: too large'] += 1;
      return htmlAnswer(413, 'Request Entity Too Large');
    }
    if (method !== 'GET' || !stagingTable.test(path)) return undefined;
    if (Date.now() > untilMs && outages < 2 && seen >= (outages * loads) / 4) {
      outages += 1;
      untilMs = Date.now() + unreadMs;
    }
    if (Date.now() > untilMs) return undefined;
    counts['verdicts: not to be read for a while'] += 1;
    return htmlAnswer(503, 'Service Temporarily Unavailable');
  };
  return { decide, counts };
}

function htmlAnswer(status: number, title: string): Treatment {
  const body = Buffer.from(`<html><head><title>${status} ${title}</title></head></html>`);
  return { kind: 'answer', answer: { status, headers: { 'content-type': 'text/html' }, body } };
}

/** Longer than the SDK tries again by itself. */
const throttledForMs = 4_000;

/**
 * Lambda refuses to start executions for a while, starts some without the caller hearing of it, and refuses checkpoints or stores
 * them unheard.
 */
function throttleLambda({ chance }: Dice) {
  const counts = {
    'start throttled': 0,
    'start unheard': 0,
    'checkpoint throttled': 0,
    'checkpoint unheard': 0,
  };
  let untilMs = 0;
  const decide: Decide = ({ method, path }): Treatment | undefined => {
    if (method !== 'POST') return undefined;
    if (path.includes('/checkpoint')) {
      if (!chance(3)) return undefined;
      const isRefused = chance(50);
      counts[isRefused ? 'checkpoint throttled' : 'checkpoint unheard'] += 1;
      return isRefused ? tooManyRequests : { kind: 'cut-after' };
    }
    if (!path.endsWith('/invocations')) return undefined;
    // The first start is throttled in any case, so that it occurs in a short storm, too.
    if (Date.now() > untilMs && (untilMs === 0 || chance(8))) untilMs = Date.now() + throttledForMs;
    if (Date.now() < untilMs) {
      counts['start throttled'] += 1;
      return tooManyRequests;
    }
    if (counts['start unheard'] > 0 && !chance(8)) return undefined;
    counts['start unheard'] += 1;
    return { kind: 'cut-after' };
  };
  return { decide, counts };
}

const tooManyRequests: Treatment = {
  kind: 'answer',
  answer: {
    status: 429,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'TooManyRequestsException' },
    body: Buffer.from(
      '{"Type":"User","message":"Rate exceeded","Reason":"ConcurrentInvocationLimitExceeded"}',
    ),
  },
};
