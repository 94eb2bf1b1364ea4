import * as z from 'zod/mini';
import { InvalidInputError, invalidBy } from '../core/errors.ts';
import { signalMessage } from './signal-schema.ts';

/** A signal whose fields have been checked. */
export type Signal = z.output<ReturnType<typeof signalMessage>>;
export type SignalKind = Signal['signal'];
export type SignalLookup = NonNullable<Signal['lookups']>[string];

/** @throws InvalidInputError naming the field that is wrong */
export function readSignal(given: unknown): Signal {
  const parsed = z.safeParse(signalMessage(), given);
  if (parsed.success) return checkColumns(parsed.data);
  throw invalidBy(parsed.error.issues, 'signal');
}

/** Columns by which a record is known, or that show its life. */
export const keptColumns = ['sys_id', 'correlation_id', 'correlation_display'];

/** @throws InvalidInputError for a column that signals themselves write */
function checkColumns(given: Signal): Signal {
  const { life, fields = {}, lookups = {}, resolve = {}, update = [] } = given;
  for (const [part, columns] of Object.entries({ fields, lookups, resolve })) {
    const kept = life === 'none' ? undefined : keptColumns.find((column) => Object.hasOwn(columns, column));
    if (kept !== undefined) throw new InvalidInputError(`${part}.${kept}`, 'is derived from source and key');
  }
  if (update.includes('state'))
    throw new InvalidInputError('update', 'must not name state; signals change it by resolve and reopen');
  if (isEvent(given) && eventSeverity(given) === undefined && !Object.hasOwn(lookups, 'severity'))
    throw new InvalidInputError(
      'fields.severity',
      'is required for em_event: 1 (critical) to 5 (information); or give an impact of 1 to 3',
    );
  return given;
}

/** True for a signal that becomes an event of Event Management. */
export function isEvent({ target = 'incident', life }: Signal): boolean {
  return target.toLowerCase() === 'em_event' && life !== 'none';
}

/** The severity of an event, `0` (clear) to `5`: the one that is given, else the impact. An event without one never becomes an alert. */
export function eventSeverity({ signal: kind, fields = {} }: Signal): string | undefined {
  if (kind === 'resolve') return '0';
  const given = String(fields['severity'] ?? '').trim();
  if (given !== '') return given;
  const impact = String(fields['impact'] ?? '').trim();
  return /^[1-3]$/.test(impact) ? impact : undefined;
}

/** Milliseconds of an ISO 8601 duration of days, hours, minutes and seconds, e.g. `PT4H`. */
export function durationMs(given: string): number {
  const [, days, hours, minutes, seconds] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(given) ?? [];
  const inSeconds =
    Number(days ?? 0) * 86_400 +
    Number(hours ?? 0) * 3_600 +
    Number(minutes ?? 0) * 60 +
    Number(seconds ?? 0);
  return inSeconds * 1_000;
}

/** Names the work that makes a record without a life, or an event: it is done once. */
export function workNameOf(given: Signal): string {
  const { source, key, eventId, signal: kind } = given;
  return JSON.stringify(['signal', source, isEvent(given) ? JSON.stringify([key, eventId, kind]) : key]);
}

/** What every signal of one thing shares: the FIFO group that keeps them in order. */
export function groupNameOf({ source, key }: Pick<Signal, 'source' | 'key'>): string {
  return JSON.stringify([source, key]);
}
