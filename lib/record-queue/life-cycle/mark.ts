import { createHash } from 'node:crypto';
import { digestOf } from '../../aws/digest.ts';

/** What a record remembers of the signals that were applied to it, in `correlation_display`: written with the change itself. */
export type Mark = {
  readonly source: string;
  /** 1 for the first record of a key. */
  readonly episode: number;
  /** Time of the last applied state, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** What that state was; `held` is a recovery that did not resolve the record. */
  readonly last: 'broken' | 'resolved' | 'held';
  /** Until when the write that resolved the record may have taken effect: who ended it later was a person. Unknown in older marks. */
  readonly untilMs?: number | undefined;
  /** How often the record was reopened by a signal. */
  readonly reopens: number;
  /** A short hash of the note of the last `open` or `update`; undefined after a recovery, and in older marks. */
  readonly said?: string | undefined;
  /** Short hashes of the last applied events, the newest first. */
  readonly events: readonly string[];
};

/** `correlation_id` and `correlation_display` of a task hold so many characters. */
const columnLength = 100;

const form =
  /^(?<source>[A-Za-z0-9._-]{1,40}) (?<episode>\d{1,6}) (?<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?<last>broken|resolved|held)(?:\+(?<until>[0-9a-z]{1,8}))? (?<reopens>\d{1,6})(?: (?<events>[\w,-]+))?$/;

/** The mark as the column holds it, with as many events as there is room for. What was said is the short hash among theirs. */
export function formatMark({ source, episode, atMs, last, untilMs, reopens, said, events }: Mark): string {
  // In seconds after the state, as the column is short.
  const until =
    untilMs === undefined ? '' : `+${Math.max(0, Math.ceil((untilMs - atMs) / 1_000)).toString(36)}`;
  const head = `${source} ${episode} ${new Date(atMs).toISOString()} ${last}${until} ${reopens}`;
  const room = columnLength - head.length;
  const newest = (length: number) => events.slice(0, Math.max(0, Math.floor(length / (hashLength + 1))));
  const before = said === undefined ? [] : newest(room - saidLength - 1);
  // The newest event matters more than what was said.
  const hashes = said !== undefined && before.length > 0 ? [...before, said] : newest(room);
  return hashes.length === 0 ? head : `${head} ${hashes.join()}`;
}

/** Undefined for a text that is not one of ours, e.g. because a person changed it. */
export function parseMark(text: string): Mark | undefined {
  const found = form.exec(text)?.groups;
  if (!found) return undefined;
  const { source = '', episode, at = '', last, until, reopens, events } = found;
  const atMs = Date.parse(at);
  if (Number.isNaN(atMs)) return undefined;
  const hashes = events?.split(',') ?? [];
  const said = hashes.find(({ length }) => length === saidLength);
  return {
    ...{ source, episode: Number(episode), atMs, reopens: Number(reopens) },
    last: last === 'resolved' || last === 'held' ? last : 'broken',
    ...(until !== undefined && { untilMs: atMs + Number.parseInt(until, 36) * 1_000 }),
    ...(said !== undefined && { said }),
    events: hashes.filter((one) => one !== said),
  };
}

const hashLength = 6;
const saidLength = 5;

/** A short hash that stands for an event in a mark. */
export function hashOfEvent(eventId: string): string {
  return digestOf(eventId).slice(0, hashLength);
}

/** A short hash that stands for a note in a mark. */
export function hashOfNote(text: string): string {
  return digestOf(text).slice(0, saidLength);
}

/** True for a `correlation_id` that may be only part of a key. */
export function isShortenedKey(correlationId: string): boolean {
  return /#[0-9a-f]{16}$/.test(correlationId);
}

/** The key as `correlation_id` holds it: itself where it fits and can be asked for, else shortened with a hash. */
export function correlationIdOfKey(key: string): string {
  if (/^(?!javascript\s*:)[\x20-\x7e]{1,100}$/i.test(key) && key.trim() === key) return key;
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 16);
  const start = key
    .replaceAll(/[^\x20-\x7e]/g, ' ')
    .replace(/^\s*javascript\s*:/i, '')
    .trim();
  return `${start.slice(0, columnLength - hash.length - 1)}#${hash}`;
}
