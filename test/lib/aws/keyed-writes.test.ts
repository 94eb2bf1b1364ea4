import { expect, it } from 'vitest';
import { keyedWritesIn } from '../../../lib/aws/keyed-writes.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { startStateTable } from './local-state-table.ts';

const write = { digest: 'd', sentAtMs: 1, untilMs: 2, target: '' } as const;

it('lets one of two copies of a write claim its key, and remembers what came of it', async () => {
  const { table } = await startStateTable(systemClock);
  const writes = keyedWritesIn(() => table, 'a-deployment', systemClock);
  expect(await writes.read('k')).toBeUndefined();
  const claimed = { ...write, state: 'possibly-sent' } as const;
  const claims = await Promise.all([
    writes.claim('k', claimed, undefined),
    writes.claim('k', claimed, undefined),
  ]);
  expect(claims.toSorted()).toEqual([false, true]);
  const again = { ...claimed, untilMs: 9 };
  expect(await writes.claim('k', again, claimed)).toBe(true);
  expect(await writes.claim('k', again, claimed)).toBe(false);
  await writes.remember('k', { ...again, state: 'applied', target: 'sys_id' });
  expect(await writes.read('k')).toEqual({ ...again, state: 'applied', target: 'sys_id' });
  const other = keyedWritesIn(() => table, 'another-deployment', systemClock);
  expect(await other.read('k')).toBeUndefined();
});

it('forgets a claim, though not what another copy has claimed or done since', async () => {
  const { table } = await startStateTable(systemClock);
  const writes = keyedWritesIn(() => table, 'a-deployment', systemClock);
  const first = { ...write, state: 'possibly-sent' } as const;
  const second = { ...first, untilMs: 9 };
  await writes.claim('k', first, undefined);
  await writes.forget('k', first);
  expect(await writes.read('k')).toBeUndefined();
  expect(await writes.claim('k', second, undefined)).toBe(true);
  await writes.forget('k', first);
  expect(await writes.read('k')).toEqual(second);
  await writes.remember('k', { ...second, state: 'applied' });
  await writes.forget('k', second);
  expect(await writes.read('k')).toEqual({ ...second, state: 'applied' });
});
