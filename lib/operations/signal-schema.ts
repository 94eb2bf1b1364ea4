import * as z from 'zod/mini';
import { isOnCalendar } from '../core/calendar.ts';
import { once } from '../core/shared-work.ts';
import { isBlank, tableName } from './parameters.ts';

/** ISO 8601, of days, hours, minutes and seconds. */
export const durationForm = /^P(?=[\dT])(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$/;

/** The names of signals. */
const signalKinds = ['open', 'update', 'resolve', 'note'] as const;

/**
 * The fields of a signal, a report on the state of a monitored thing, as a message on the records queue and `POST /signals` take them;
 * docs/events.md explains each. Made when the first signal comes: a process of messages that are none starts without.
 */
export const signalShape = /* @__PURE__ */ once(() => {
  const columnName = z.string().check(z.regex(/^[a-z0-9_]{1,80}$/, 'is not the name of a column'));

  const columns = z.record(columnName, z.unknown(), {
    error: ({ code }) =>
      code === 'invalid_key' ? 'is not the name of a column' : 'must be a JSON object of columns and values',
  });

  const text = (most: number) =>
    z.string('must be text').check(
      z.regex(/\S/, 'must not be blank'),
      z.refine((given) => !isBlank(given), 'must not be blank'),
      z.maxLength(most, `must have at most ${most} characters`),
    );

  /** ISO 8601, as `toISOString` writes it; offsets are accepted. */
  const time = z.string('must be a time such as 2026-11-29T08:00:00Z').check(
    z.regex(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/,
      'must be a time such as 2026-11-29T08:00:00Z',
    ),
    z.refine(
      (given) => !Number.isNaN(Date.parse(given)) && isOnCalendar(given),
      'must be a time that exists',
    ),
  );

  const duration = z
    .string('must be a duration such as PT4H')
    .check(z.regex(durationForm, 'must be a duration such as PT4H'));

  /** Finds a record of another table: the value of a reference. */
  const lookup = z.strictObject({
    find: tableName,
    /** Columns and values that find it. A condition without a value is not asked. */
    by: z
      .record(columnName, z.nullable(z.union([z.string(), z.number(), z.boolean()], 'must be text')))
      .check(z.refine((by) => Object.keys(by).length > 0, 'must name at least one column')),
    /** The column that is taken. @default 'sys_id' */
    take: z.optional(columnName),
    /** When none is found: `none` leaves the column out, `fail` refuses the signal, anything else is the name of another record. */
    else: z.optional(text(200)),
  });

  const note = z.union(
    [
      text(16_000),
      z.strictObject({
        text: text(16_000),
        /** Writes the note of an update on a resolved record too. */
        onResolved: z.optional(z.boolean('must be true or false')),
      }),
    ],
    'must be text, or { text, onResolved }',
  );

  return {
    signal: z.enum(signalKinds, 'required; open, update, resolve or note'),
    /** Who reports: part of the name of the record. */
    source: z
      .string('required; the name of the source')
      .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be 1 to 40 letters, digits, ., _ or -')),
    /** Names the thing that is broken, not the message about it. */
    key: text(512),
    /** Time of the state. */
    at: time,
    /** Names this message: a second one with the same name changes nothing. */
    eventId: text(256),
    /** @default 'incident' */
    target: z.optional(tableName),
    /** `none` for a table without states: the first signal of a key makes a record. */
    life: z.optional(z.literal('none', 'must be none')),
    /** Columns of a new record. */
    fields: z.optional(columns),
    /** Which of them are written again while the record is open. */
    update: z.optional(z.array(columnName, 'must be a list of columns')),
    lookups: z.optional(z.record(columnName, lookup)),
    /** A work note at a change of state. */
    note: z.optional(note),
    /** Columns that resolve the record; `unless: assigned` makes it a note once a person has the record. */
    resolve: z.optional(
      z.catchall(z.object({ unless: z.optional(z.literal('assigned', 'must be assigned')) }), z.unknown()),
    ),
    /** When a resolved record is opened again in place of a new one. */
    reopen: z.optional(
      z.strictObject({
        /** Counted from the end of the record. */
        within: z.optional(duration),
        state: z.optional(z.union([z.string(), z.number()], 'must be a state')),
        /** After so many times a resolve is a note, until the source has been quiet for `within`. */
        atMost: z.optional(z.int('must be a whole number').check(z.nonnegative('must not be negative'))),
      }),
    ),
    /** When the source was asked and confirmed the state, as the reconciler does. */
    confirmed: z.optional(time),
  };
});

/** A signal as a message. */
export const signalMessage = /* @__PURE__ */ once(() =>
  z.strictObject({
    action: z._default(z.literal('signal', 'must be signal'), 'signal'),
    ...signalShape(),
    /** The instance, where a deployment has several. */
    instance: z.optional(z.string('must be text')),
  }),
);
