import type { StormStack } from './storm-stack.ts';

/** How often something happened, by its name. */
export type Counts = Readonly<Record<string, number>>;

type Kind = { readonly name: string; readonly action: string; readonly [parameter: string]: unknown };

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
  // Longer than an invocation: each runs into the deadline in the middle of a batch.
  { name: 'stall past the deadline', action: 'stall', stallMs: 60_000 },
];

/**
 * Strews faults of every kind over the requests that so many messages will take: one of each for two hundred messages, and
 * a few stalls, each of which uses up an invocation's time.
 * @returns tells how often each kind has struck
 */
export function stirUp(
  { stack }: Pick<StormStack, 'stack'>,
  random: () => number,
  { messages, seed }: { readonly messages: number; readonly seed: number },
): () => Counts {
  const { faults } = stack.instance.control;
  const planned = kinds.map(({ name, ...kind }, index) => {
    const count = 1 + Math.floor(messages / (kind.action === 'stall' ? 2000 : 200));
    // A token that dies twice in a row reads as refused credentials: then nothing is sent for half a minute.
    const probability = kind.action === 'expired-token' ? 0.04 : 0.1 + random() * 0.2;
    const id = faults.add({
      match: { path: '/api/now/*' },
      ...kind,
      count,
      probability,
      seed: seed + index,
    });
    return { name, id, count };
  });
  return () => {
    const waiting = new Map(faults.list().map(({ id, applied }) => [id, applied]));
    return Object.fromEntries(planned.map(({ name, id, count }) => [name, waiting.get(id) ?? count]));
  };
}

/** Counts, by their code, the messages that the functions put off, and the invocations that died or ran out of time. */
export function countTroubles() {
  const counts: Record<string, number> = {};
  const add = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    counts,
    /** Reads a line that a function wrote. */
    line(text: string): void {
      if (!text.includes('"message-postponed"')) return;
      add(text.includes('"DEADLINE_EXCEEDED"') ? 'out of time' : 'put off');
    },
    /** Hears what the stack tells of batches. */
    event(name: string): void {
      if (name === 'batch-failed') add('lost invocations');
    },
  };
}
