import type { Decide, Passage } from './fault-proxy.ts';
import type { FaultInstance } from './fault-stack.ts';
import type { Counts } from './storm-report.ts';

type Kind = {
  readonly name: string;
  readonly action: string;
  readonly batchItem?: true;
  readonly [parameter: string]: unknown;
};

const kinds: readonly Kind[] = [
  { name: 'reset before commit', action: 'reset-before-commit' },
  { name: 'reset after commit', action: 'reset-after-commit' },
  { name: '500 before commit', action: 'server-error' },
  { name: '500 after commit', action: 'error-after-commit' },
  { name: 'truncated body', action: 'truncate' },
  { name: '429 without headers', action: 'throttled' },
  { name: '429 with Retry-After', action: 'throttled', retryAfterS: 1 },
  { name: '503', action: 'unavailable' },
  { name: 'hibernation', action: 'hibernate' },
  { name: 'expired token', action: 'expired-token' },
  { name: 'one of a batch: 429', action: 'throttled', batchItem: true },
  { name: 'one of a batch: 500', action: 'server-error', batchItem: true },
  { name: 'one of a batch: 503', action: 'unavailable', batchItem: true },
  { name: 'one of a batch: 500 after commit', action: 'error-after-commit', batchItem: true },
  // Longer than an invocation: each runs into the deadline in the middle of a batch.
  { name: 'stall past the deadline', action: 'stall', stallMs: 60_000 },
];

export type WeatherOptions = {
  readonly random: () => number;
  readonly seed: number;
  readonly batchApi: boolean;
  /** About so many requests will be made: the number of faults grows with it. */
  readonly requests: number;
  /** How late the instance finishes a request whose caller has gone, in milliseconds. */
  readonly lateMs: { readonly from: number; readonly to: number };
};

/**
 * Strews faults of every kind over the requests to an instance: a few of each, more in a long storm.
 * @returns counts how often each kind has struck
 */
export function stirUp({ instance, proxy }: FaultInstance, options: WeatherOptions): () => Counts {
  const { random, seed, requests } = options;
  const { faults } = instance.control;
  const possible = kinds.filter(({ batchItem }) => options.batchApi || !batchItem);
  const planned = possible.map(({ name, batchItem = false, ...kind }, index) => {
    const count = 1 + Math.floor(requests / (kind.action === 'stall' ? 500 : 60));
    // A token that dies twice in a row reads as refused credentials: then nothing is sent for half a minute.
    const frequent = kind.action === 'expired-token' ? 0.04 : 0.1 + random() * 0.2;
    // Over a long storm from its beginning to its end.
    const probability = Math.min(frequent, Math.max(0.02, (2 * count) / requests));
    const id = faults.add({
      match: { path: '/api/now/*', batchItem },
      ...kind,
      count,
      probability,
      seed: seed + index,
    });
    return { name, id, count };
  });
  const late = finishLate(options);
  proxy.decide = late.decide;
  return () => {
    const waiting = new Map(faults.list().map(({ id, applied }) => [id, applied]));
    const struck = planned.map(({ name, id, count }) => [name, waiting.get(id) ?? count]);
    return { ...Object.fromEntries(struck), 'late commit': late.count() };
  };
}

/** Cuts the connection of writes and lets the instance work on them afterwards. */
function finishLate({ random, requests, lateMs }: WeatherOptions) {
  const most = 2 + Math.floor(requests / 20);
  let count = 0;
  const decide: Decide = (passage) => {
    if (count >= most || !isWrite(passage) || random() >= 0.12) return undefined;
    count += 1;
    return { kind: 'late', delayMs: lateMs.from + random() * (lateMs.to - lateMs.from) };
  };
  return { decide, count: () => count };
}

const isWrite = ({ method, path }: Passage) => method !== 'GET' && path.startsWith('/api/now/');

/** Counts the messages that the functions put off, and the invocations that died or ran out of time. */
export function countTroubles() {
  const counts: Record<string, number> = {};
  const add = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    counts,
    line(text: string): void {
      if (!/"message-deferred"/.test(text)) return;
      add(text.includes('"DEADLINE_EXCEEDED"') ? 'out of time' : 'put off');
    },
    event(name: string): void {
      if (name === 'batch-failed') add('lost invocations');
    },
  };
}
