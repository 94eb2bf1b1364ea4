import { describe, expect, it } from 'vitest';
import { JournalAccount } from '../../../lib/record-queue/writes/journal-account.ts';
import { jumpingClock } from '../core/manual-clock.ts';

const notes = (key: string, texts: Readonly<Record<string, string>>) => ({
  sysId: 'a',
  key,
  texts: Object.entries(texts),
});
const entry = (sys_id: string, value: string, element = 'comments') => ({ sys_id, element, value });

describe('the account of journal entries', () => {
  it('gives each entry to one message', () => {
    const account = new JournalAccount(jumpingClock());
    const entries = [entry('1', 'down'), entry('2', 'down')];
    const claims = ['a', 'b', 'c'].map((key) => account.claim(notes(key, { comments: 'down' }), entries, 0));
    expect(claims).toEqual([true, true, false]);
    expect(['a', 'b', 'c'].map((key) => account.isDone(notes(key, { comments: 'down' })))).toEqual(claims);
  });

  it('leaves those out that this process wrote for other messages, unless they are too old to be looked at', () => {
    const clock = jumpingClock();
    const account = new JournalAccount(clock);
    account.addWritten(notes('a', { comments: 'down' }));
    expect(account.claim(notes('b', { comments: 'down' }), [entry('1', 'down')], clock.now())).toBe(false);
    expect(account.claim(notes('b', { comments: 'down' }), [entry('1', 'down')], clock.now() + 1)).toBe(true);
  });

  it('needs one of the entries that are written together, as the instance may not have taken the other', () => {
    const account = new JournalAccount(jumpingClock());
    const both = { comments: 'for all', work_notes: 'for us' };
    expect(account.claim(notes('a', both), [entry('1', 'for us', 'work_notes')], 0)).toBe(true);
    expect(account.claim(notes('b', both), [entry('2', 'for us', 'comments')], 0)).toBe(false);
  });

  it.each(['one\r\ntwo', 'one\ntwo  ', '\n one\rtwo', 'one\u0000 two'])(
    'knows a text again whatever became of its line ends and blanks: %j',
    (stored) => {
      const account = new JournalAccount(jumpingClock());
      expect(account.claim(notes('a', { comments: 'one\ntwo' }), [entry('1', stored)], 0)).toBe(true);
    },
  );

  it('tells records, columns, keys and texts apart', () => {
    const account = new JournalAccount(jumpingClock());
    const written = notes('a', { comments: 'x' });
    account.addWritten(written);
    expect(account.isDone(written)).toBe(true);
    for (const other of [
      { ...written, sysId: 'b' },
      notes('b', { comments: 'x' }),
      notes('a', { work_notes: 'x' }),
      notes('a', { comments: 'y' }),
    ])
      expect(account.isDone(other)).toBe(false);
  });

  it('forgets what is oldest in time', () => {
    const account = new JournalAccount(jumpingClock());
    account.addWritten(notes('first', { comments: 'x' }));
    for (let index = 0; index < 10_000; index += 1)
      account.addWritten(notes(`k${index}`, { comments: `${index}` }));
    expect(account.isDone(notes('first', { comments: 'x' }))).toBe(false);
    expect(account.isDone(notes('k0', { comments: '0' }))).toBe(true);
  });
});
