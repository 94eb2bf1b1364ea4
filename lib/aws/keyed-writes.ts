import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { isStill } from './state-expressions.ts';
import type { StateItem, StateTable } from './state-table.ts';

/** What is remembered of a write; see `lib/operations/keyed-writes.ts`. */
type Write = {
  readonly state: 'possibly-sent' | 'applied';
  readonly digest: string;
  readonly sentAtMs: number;
  readonly untilMs: number;
  readonly target: string;
};

/** How long a key is remembered. */
const keptSeconds = 30 * 86_400;

/**
 * Remembers writes by key in the state table.
 * @param open opens the table when it is first needed
 * @param deployment keys of two deployments are different keys
 */
export function keyedWritesIn(open: () => StateTable, deployment: string, clock: Clock) {
  const keyOf = (name: string) => {
    const digest = createHash('sha256').update(name).digest('base64url');
    return { pk: `keyed#${deployment}#${digest}`, sk: '-' };
  };
  const itemOf = (name: string, write: Write) => ({
    ...keyOf(name),
    ...write,
    expiresAt: Math.floor(clock.now() / 1000) + keptSeconds,
  });
  return {
    async read(name: string): Promise<Write | undefined> {
      const item = await open().read(keyOf(name));
      return item && toWrite(item);
    },
    claim(name: string, write: Write, before: Write | undefined): Promise<boolean> {
      return open().put(itemOf(name, write), before ? isStill(before) : { is: 'absent' });
    },
    async remember(name: string, write: Write): Promise<void> {
      await open().put(itemOf(name, write));
    },
    /** A call whose answer is lost is sent again, and may come after another copy has claimed the key. */
    async forget(name: string, write: Write): Promise<void> {
      const expired = { ...itemOf(name, write), expiresAt: Math.floor(clock.now() / 1000) };
      await open().put(expired, isStill(write));
    },
  };
}

function toWrite(item: StateItem): Write {
  return {
    state: item['state'] === 'applied' ? 'applied' : 'possibly-sent',
    digest: String(item['digest']),
    sentAtMs: Number(item['sentAtMs']),
    untilMs: Number(item['untilMs']),
    target: String(item['target'] ?? ''),
  };
}
