import { expect, it } from 'vitest';
import type { Clock } from '../../../../lib/core/clock.ts';
import type { ImportFolder } from '../../../../lib/file-import/folder.ts';
import { GroupLedger } from '../../../../lib/file-import/load/group-ledger.ts';
import type { LoadLedger } from '../../../../lib/file-import/load/ledger.ts';

const chunkCount = 400;

/** A ledger whose writes last as long as `stored` says. */
function ledgerAt(clock: Clock, stored: () => Promise<void> = async () => undefined) {
  const written: LoadLedger[] = [];
  const write = async (_: string, body: string | Uint8Array) => {
    await stored();
    written.push(JSON.parse(String(body)));
  };
  const folder: Partial<ImportFolder> = { write };
  const start = { group: 0, from: { byte: 0, line: 1 }, concurrency: 4, notesRows: false };
  return { ledger: new GroupLedger(folder as ImportFolder, start, clock, undefined), written };
}

/** Announces and sends chunks, one every `everyMs`. */
async function sendAll(everyMs: number) {
  let nowMs = 0;
  const { ledger, written } = ledgerAt({ now: () => nowMs, sleep: async () => undefined });
  const ahead: number[] = [];
  for (let index = 0; index < chunkCount; index++) {
    await ledger.announce(index);
    ahead.push((written.at(-1)?.announced ?? 0) - index);
    ledger.set(index, { lines: [index, 1], rows: 1, sets: [`set-${index}`], state: 'stored' });
    nowMs += everyMs;
  }
  return { writes: written.length, least: Math.min(...ahead), most: Math.max(...ahead) };
}

it('is stored before each chunk that it says may be sent', async () => {
  for (const everyMs of [0, 1, 20, 200]) expect((await sendAll(everyMs)).least).toBeGreaterThan(0);
});

it('is written less often the faster chunks are sent, and says of no more than are sent soon', async () => {
  expect((await sendAll(1)).writes).toBeLessThanOrEqual(chunkCount / 25);
  expect((await sendAll(1)).most).toBeLessThanOrEqual(40);
  expect((await sendAll(200)).most).toBeLessThanOrEqual(12);
});

it('goes on with chunks that were announced while the next ones are', async () => {
  const { promise: away, reject } = Promise.withResolvers<void>();
  let isAway = false;
  const { ledger } = ledgerAt({ now: () => 0, sleep: async () => undefined }, async () => {
    if (isAway) await away;
  });
  await ledger.announce(0);
  isAway = true;
  for (let index = 1; index < 8; index++) await ledger.announce(index);
  const next = ledger.announce(8);
  reject(new Error('S3 is away'));
  await expect(next).rejects.toThrow('S3 is away');
});
