import * as z from 'zod';
import { durationForm } from '../operations/signal-schema.ts';
import { readTime } from './time.ts';

/**
 * The structure of mapping files, published in `schemas/mapping.schema.json`; `compile.ts` checks the expressions and patterns in
 * them. docs/events.md explains each part.
 */
const column = z.string().regex(/^(?!__proto__$)[a-z0-9_]{1,80}$/, 'is not the name of a column');
const table = z
  .string('must be the name of a table')
  .regex(/^[a-z0-9_]{1,80}$/, 'must be the name of a table');
const scalar = z.union([z.string(), z.number(), z.boolean()], 'must be text, a number or an expression');
const text = z.string('must be text or an expression').min(1, 'must not be empty');

const lookup = z.strictObject(
  {
    find: table,
    by: z
      .record(column, scalar, 'must be columns and values')
      .refine((by) => Object.keys(by).length > 0, 'must name at least one column'),
    take: column.optional(),
    else: text.optional(),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'must be a value or { find, by, take, else }' : undefined,
  },
);

const parts = {
  fields: z.record(column, z.union([scalar, lookup], { error: fieldError })).optional(),
  update: z.array(column, 'must be a list of columns').optional(),
  required: z.array(column, 'must be a list of columns').optional(),
  note: z
    .union([text, z.strictObject({ text, onResolved: z.boolean('must be true or false').optional() })])
    .optional(),
  resolve: z.record(column, scalar, 'must be columns and values').optional(),
  reopen: z
    .strictObject({
      within: z
        .string('must be a duration such as PT4H')
        .regex(durationForm, 'must be a duration such as PT4H')
        .optional(),
      state: z.union([z.string(), z.number()], 'must be a state').optional(),
      atMost: z.int('must be a whole number').min(0, 'must not be negative').optional(),
    })
    .optional(),
};

/** A union reports only that nothing fits; the path of a look-up's own mistake is worth more. */
function fieldError({ input }: { readonly input?: unknown }): string {
  if (typeof input !== 'object' || input === null)
    return 'must be text, a number, an expression or a look-up';
  const found = lookup.safeParse(input);
  const [issue] = found.success ? [] : found.error.issues;
  return `look-up: ${issue ? `${issue.path.join('.')} ${issue.message}` : 'invalid'}`;
}

const timeOfDay = /^([01]\d|2[0-3]):[0-5]\d$/;
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;

const quietWindow = z
  .strictObject({
    from: z.string('must be a time'),
    to: z.string('must be a time'),
    days: z
      .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], 'must be mon, tue, …'))
      .min(1)
      .optional(),
    zone: z
      .string('must be a time zone')
      .refine((zone) => isZone(zone), 'must be a time zone such as Europe/Zurich')
      .optional(),
  })
  .refine(
    ({ from, to }) => [timeOfDay, moment].some((form) => form.test(from) && form.test(to)),
    'from and to must both be times of a day (22:00) or both moments (2026-12-24T18:00Z)',
  )
  .refine(
    ({ from, to }) => timeOfDay.test(from) || [from, to].every((one) => readTime(one) !== undefined),
    'from and to must be moments that exist',
  )
  .refine(
    ({ from, to }) => timeOfDay.test(from) || Number(readTime(from)) < Number(readTime(to)),
    'from must be before to',
  )
  .refine(
    ({ from, days, zone }) => timeOfDay.test(from) || (days === undefined && zone === undefined),
    'days and zone are for times of a day; a moment has its own',
  );

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

const is = z.enum(
  ['open', 'update', 'resolve', 'note', 'ignore'],
  'must be open, update, resolve, note or ignore',
);

export const mappingFile = z.strictObject(
  {
    /** Where an editor finds the JSON Schema of the file. */
    $schema: z.string('must be text').optional(),
    source: z
      .string('required; the name of the source')
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be 1 to 40 letters, digits, ., _ or -'),
    when: z.record(z.string(), z.unknown(), 'required; an event pattern'),
    each: text.optional(),
    let: z
      .record(z.string().regex(/^(?!eval$|event$|__proto__$)[A-Za-z_]\w*$/, 'is not a name'), z.unknown())
      .optional(),
    key: z.union([text, z.array(text).min(1, 'must not be empty')], 'must be text, or a list of its parts'),
    at: text.optional(),
    id: text.optional(),
    target: z
      .union([
        table,
        z.array(z.strictObject({ when: z.unknown().optional(), is: table })).min(1, 'must not be empty'),
      ])
      .optional(),
    life: z.literal('none', 'must be none').optional(),
    signal: z
      .array(
        z.strictObject({ when: z.unknown().optional(), is, ...parts }),
        'required; a list of { when, is }',
      )
      .min(1, 'must not be empty'),
    quiet: z.array(quietWindow, 'must be a list of { from, to }').optional(),
    ...parts,
  },
  { error: ({ code }) => (code === 'invalid_type' ? 'must be a mapping of parts' : undefined) },
);

/** Parts by target; published in `schemas/mapping-defaults.schema.json`. */
export const defaultsFile = z.record(table, z.strictObject(parts), 'must be parts by the name of a table');
