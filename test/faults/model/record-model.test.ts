import { describe, expect, it } from 'vitest';
import {
  allowedEnds,
  explainMismatch,
  type ModelRecord,
  type ModelState,
  type ModelWrite,
} from './record-model.ts';

const record = (values: ModelRecord['values'], notes: readonly string[] = [], updates = 0): ModelRecord => ({
  name: 'seen',
  values,
  notes: notes.map((text) => ({ column: 'work_notes', text })),
  updates,
});
const state = (records: readonly ModelRecord[], refused: ModelState['refused'] = {}): ModelState => ({
  records,
  refused,
});
const judge = (
  observed: ModelState,
  writes: readonly ModelWrite[],
  seeded: readonly ModelRecord[] = [],
): string | undefined => explainMismatch(observed, allowedEnds(seeded, writes));
const anna = { ...record({ owner: 'anna' }), name: 'r' };
const set = (id: string, values: ModelRecord['values'], after: readonly string[] = []): ModelWrite => ({
  id,
  action: 'update',
  target: 'r',
  values,
  after,
});
const note = (id: string, text: string, after: readonly string[] = []): ModelWrite => ({
  ...set(id, {}, after),
  notes: [{ column: 'work_notes', text }],
});
const upsert = (id: string, match: ModelRecord['values'], values = {}): ModelWrite => ({
  id,
  action: 'upsert',
  match,
  values,
});

describe('a record that is created by key', () => {
  const create: ModelWrite = { id: 'c', action: 'create', target: 'r', values: { a: '1' } };

  it('may be there once, and not twice', () => {
    expect(judge(state([record({ a: '1' })]), [create])).toBeUndefined();
    expect(judge(state([record({ a: '1' }), record({ a: '1' })]), [create])).toContain('holds');
    expect(judge(state([]), [create])).toContain('allowed is');
  });

  it('stays away once a later delete has taken it', () => {
    const writes: ModelWrite[] = [create, { id: 'd', action: 'delete', target: 'r', after: ['c'] }];
    expect(judge(state([]), writes)).toBeUndefined();
    expect(judge(state([record({ a: '1' })]), writes)).toContain('holds');
  });

  it('may not end as a dead letter', () => {
    expect(judge(state([record({ a: '1' })], { c: 'not-found' }), [create])).toContain('holds');
  });
});

describe('updates of one record', () => {
  it('end with the last of their FIFO group', () => {
    const writes = [set('1', { v: '1' }), set('2', { v: '2' }, ['1'])];
    expect(judge(state([record({ owner: 'anna', v: '2' }, [], 2)]), writes, [anna])).toBeUndefined();
    expect(judge(state([record({ owner: 'anna', v: '1' }, [], 2)]), writes, [anna])).toContain('holds');
  });

  it('end with either of two that have no order', () => {
    const writes = [set('1', { v: '1' }), set('2', { v: '2' })];
    for (const v of ['1', '2'])
      expect(judge(state([record({ owner: 'anna', v }, [], 2)]), writes, [anna])).toBeUndefined();
  });

  it('change the record no more often than they are', () => {
    const writes = [set('1', { v: '1' }), set('2', { v: '2' })];
    expect(judge(state([record({ owner: 'anna', v: '1' }, [], 3)]), writes, [anna])).toContain(
      'changed 3 times',
    );
  });

  it('keep what a person changed meanwhile', () => {
    const person: ModelWrite = { id: 'p', action: 'person', target: 'r', values: { owner: 'bob' } };
    const writes = [set('1', { v: '1' }), person];
    expect(judge(state([record({ owner: 'bob', v: '1' }, [], 2)]), writes, [anna])).toBeUndefined();
    expect(judge(state([record({ owner: 'anna', v: '1' }, [], 1)]), writes, [anna])).toContain('holds');
  });

  it('are refused after a delete, and only then', () => {
    const remove: ModelWrite = { id: 'd', action: 'delete', target: 'r' };
    const writes = [set('1', { v: '1' }), remove];
    expect(judge(state([]), writes, [anna])).toBeUndefined();
    expect(judge(state([], { '1': 'not-found' }), writes, [anna])).toBeUndefined();
    const ordered = [set('1', { v: '1' }), { ...remove, after: ['1'] }];
    expect(judge(state([], { '1': 'not-found' }), ordered, [anna])).toContain('holds');
  });
});

describe('notes', () => {
  it('are there once for each key, also where two keys say the same', () => {
    const writes = [note('1', 'same'), note('2', 'same')];
    const seen = (count: number) => state([record({ owner: 'anna' }, Array(count).fill('same'), 2)]);
    expect(judge(seen(2), writes, [anna])).toBeUndefined();
    expect(judge(seen(1), writes, [anna])).toContain('holds');
    expect(judge(seen(3), writes, [anna])).toContain('holds');
  });

  it('keep the order of their FIFO group', () => {
    const writes = [note('1', 'one'), note('2', 'two', ['1'])];
    const seen = (texts: readonly string[]) => state([record({ owner: 'anna' }, texts, 2)]);
    expect(judge(seen(['one', 'two']), writes, [anna])).toBeUndefined();
    expect(judge(seen(['two', 'one']), writes, [anna])).toContain('holds');
  });
});

describe('upserts', () => {
  it('that race meet in one record, matches compared without regard to case', () => {
    const writes = [upsert('1', { host: 'web-1' }, { a: '1' }), upsert('2', { host: 'WEB-1' }, { b: '2' })];
    expect(judge(state([record({ host: 'web-1', a: '1', b: '2' }, [], 1)]), writes)).toBeUndefined();
    expect(
      judge(state([record({ host: 'web-1', a: '1' }), record({ host: 'WEB-1', b: '2' })]), writes),
    ).toContain('holds');
  });

  it('leave a record alone that a person has closed, and make another', () => {
    const match = { host: 'web-1', active: 'true' };
    const open = { ...record({ ...match, a: '1' }), name: 'r' };
    const close: ModelWrite = { id: 'p', action: 'person', target: 'r', values: { active: 'false' } };
    const writes = [close, { ...upsert('2', match, { b: '2' }), after: ['p'] }];
    const closed = record({ host: 'web-1', active: 'false', a: '1' }, [], 1);
    expect(judge(state([closed, record({ ...match, b: '2' })]), writes, [open])).toBeUndefined();
    const rewritten = record({ host: 'web-1', active: 'false', a: '1', b: '2' }, [], 2);
    expect(judge(state([rewritten]), writes, [open])).toContain('holds');
  });

  it('that change what they match by make one record each', () => {
    const writes = [
      upsert('1', { phase: 'new' }, { phase: 'seen' }),
      upsert('2', { phase: 'new' }, { phase: 'seen' }),
    ];
    const seen = record({ phase: 'seen' });
    expect(judge(state([seen, seen]), writes)).toBeUndefined();
    expect(judge(state([seen]), writes)).toContain('holds');
    expect(judge(state([seen, seen, seen]), writes)).toContain('holds');
  });

  it('are refused where two records match', () => {
    const twins = ['x', 'y'].map((name) => ({ ...record({ host: 'web-1' }), name }));
    const writes = [upsert('1', { host: 'web-1' }, { a: '1' })];
    expect(judge(state(twins, { '1': 'ambiguous' }), writes, twins)).toBeUndefined();
    expect(judge(state(twins), writes, twins)).toContain('holds');
  });
});
