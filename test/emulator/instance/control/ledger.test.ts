import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../../emulator/instance/ledger.ts';

const opening = { at: '', method: 'GET', path: '/', transactionId: '', connectionId: 1 };

describe('Ledger', () => {
  it('lets the oldest entries go, and keeps the total and the counters', () => {
    const ledger = new Ledger({ maxEntries: 10 });
    for (let at = 0; at < 25; at++) {
      ledger.during(ledger.open(opening), () => ledger.wrote('insert', 'incident', String(at)));
    }
    expect(ledger.select().length).toBeLessThanOrEqual(10);
    expect(ledger.select().at(-1)?.sequence).toBe(25);
    expect(ledger.total).toBe(25);
    expect(ledger.counters()['incident']?.insert).toBe(25);
  });

  it('bounds the sys_ids that it keeps in all, and those of one effect', () => {
    const ledger = new Ledger({ maxSysIds: 1_500 });
    for (let request = 0; request < 2; request++) {
      ledger.during(ledger.open(opening), () => {
        for (let at = 0; at < 1_200; at++) ledger.wrote('insert', 'imp_user', String(at));
      });
    }
    ledger.open(opening);
    const [effect] = ledger.select({ table: 'imp_user' })[0]?.effects ?? [];
    expect([effect?.count, effect?.sysIds.length]).toEqual([1_200, 1_000]);
    expect(ledger.select({ table: 'imp_user' })).toHaveLength(1);
  });

  it('keeps the effects of requests apart that run at the same time', async () => {
    const ledger = new Ledger();
    const write = async (sysId: string) => {
      const entry = ledger.open(opening);
      await ledger.during(entry, async () => {
        await Promise.resolve();
        ledger.wrote('update', 'incident', sysId);
      });
      return entry.effects[0]?.sysIds;
    };
    expect(await Promise.all([write('a'), write('b')])).toEqual([['a'], ['b']]);
  });
});
