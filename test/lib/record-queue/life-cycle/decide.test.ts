import { expect, it } from 'vitest';
import { decide, type Episode, type TimedSignal } from '../../../../lib/record-queue/life-cycle/decide.ts';

const at = '2026-11-29T08:00:00Z';
const atMs = Date.parse(at);
const minutes = (count: number) => atMs + count * 60_000;

const resolved: Episode = {
  ...{ episode: 1, sysId: 's', number: 'INC1', phase: 'resolved', endedAtMs: atMs, isAssigned: false },
  mark: { source: 'test', episode: 1, atMs, last: 'resolved', reopens: 0, events: [] },
};

/** An update so many minutes after the record was resolved, which may be reopened within ten. */
const update = (after: number, more: Partial<TimedSignal>): TimedSignal => ({
  ...{ action: 'signal', signal: 'update', source: 'test', key: 'k', at, eventId: 'e', atMs: minutes(after) },
  ...{ reopen: { within: 'PT10M', state: 2 } },
  ...more,
});

it.each([
  ['that asks for it', { note: { text: 'n', onResolved: true } }, 5, 'write'],
  ['in the last moment', { note: { text: 'n', onResolved: true } }, 10, 'write'],
  ['after that', { note: { text: 'n', onResolved: true } }, 11, 'nothing'],
  ['that asks not to', { note: { text: 'n', onResolved: false } }, 5, 'nothing'],
  ['that does not ask', { note: { text: 'n' } }, 5, 'nothing'],
  ['of text alone', { note: 'n' }, 5, 'nothing'],
  ['without a note', {}, 5, 'nothing'],
])(
  'a resolved record takes the note of an update %s only while it may be reopened',
  (_, more, after, kind) => {
    expect(decide(update(after, more), resolved).kind).toBe(kind);
  },
);
