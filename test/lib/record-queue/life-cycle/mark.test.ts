import { expect, it } from 'vitest';
import {
  formatMark,
  hashOfEvent,
  hashOfNote,
  type Mark,
  parseMark,
} from '../../../../lib/record-queue/life-cycle/mark.ts';

const mark: Mark = {
  ...{ source: 'disk', episode: 1, atMs: Date.parse('2026-11-29T08:00:00Z'), last: 'broken', reopens: 0 },
  events: [...Array(20).keys()].map((one) => hashOfEvent(`e${one}`)),
};

it.each([undefined, hashOfNote('FAILED')])(
  'a mark holds its newest events and what was said (%s), in the room that its column has',
  (said) => {
    for (const source of ['d', 'security-hub', 's'.repeat(40)])
      for (const episode of [1, 999_999]) {
        const text = formatMark({ ...mark, source, episode, said });
        expect(text.length).toBeLessThanOrEqual(100);
        const read = parseMark(text);
        expect(read).toMatchObject({ source, episode, atMs: mark.atMs, last: 'broken' });
        expect(read?.said).toBe(said);
        expect(mark.events.slice(0, read?.events.length)).toEqual(read?.events);
        expect(read?.events.length).toBeGreaterThan(0);
      }
  },
);

it('a mark without room for both holds the newest event', () => {
  const full: Mark = { ...mark, source: 's'.repeat(40), episode: 999_999, reopens: 99_999, said: 'abcde' };
  const text = formatMark({ ...full, last: 'resolved', untilMs: full.atMs + 10_000_000 });
  expect(text.length).toBeLessThanOrEqual(100);
  expect(parseMark(text)).toMatchObject({ events: [mark.events[0]] });
  expect(parseMark(text)?.said).toBeUndefined();
});
