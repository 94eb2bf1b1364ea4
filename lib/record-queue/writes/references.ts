import * as z from 'zod/mini';
import type { Clock } from '../../core/clock.ts';
import { InvalidInputError, TableNotAllowedError } from '../../core/errors.ts';
import { UnreadableAnswerError, unknownColumnOf } from '../../operations/find-record.ts';
import type { SignalLookup } from '../../operations/signal.ts';
import type { ServiceNowResponse } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { listRequest } from '../../servicenow/records.ts';
import type { Call } from '../batch-executor.ts';
import type { References } from '../life-cycle/compose.ts';

/** What look-ups need of the batch that they are made for. */
type Deps = {
  send(call: Call): Promise<ServiceNowResponse>;
  readonly references: ReferenceCache;
  readonly shownColumns: Set<string>;
  allowsTable(table: string): boolean;
};

/** The value that a condition found; undefined for none, `several` for more than one. */
type Found = { readonly value: string } | 'none' | 'several';

/** How long an answer is trusted, in milliseconds, and how many are kept. */
const trustedMs = 600_000;
const mostKept = 2_000;

/** Answers to look-ups that a process keeps, for one instance. */
export class ReferenceCache {
  readonly #kept = new Map<string, { readonly found: Promise<Found>; readonly untilMs: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param ask called when nothing is known; an answer that fails is not kept */
  get(name: string, ask: () => Promise<Found>): Promise<Found> {
    const kept = this.#kept.get(name);
    if (kept && this.#clock.now() < kept.untilMs) return kept.found;
    const found = ask();
    found.catch(() => this.#kept.delete(name));
    this.#kept.delete(name);
    this.#kept.set(name, { found, untilMs: this.#clock.now() + trustedMs });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
    return found;
  }
}

/**
 * Carries out the look-ups of a signal; those that are not known travel together.
 * @throws InvalidInputError for one that must find a record and does not; TableNotAllowedError; what the instance answers
 */
export async function findReferences(
  lookups: Readonly<Record<string, SignalLookup>>,
  context: Deps,
): Promise<References> {
  const remarks: string[] = [];
  const found = await Promise.all(
    Object.entries(lookups).map(async ([column, lookup]) => {
      const value = await findReference(column, lookup, context, remarks);
      return value === undefined ? [] : [[column, value] as const];
    }),
  );
  return { columns: Object.fromEntries(found.flat()), remarks };
}

async function findReference(
  column: string,
  lookup: SignalLookup,
  context: Deps,
  remarks: string[],
): Promise<string | undefined> {
  const { find: table, by, else: otherwise = 'none' } = lookup;
  if (!context.allowsTable(table)) throw new TableNotAllowedError(table);
  const found = await ask(column, lookup, conditionsOf(by), context);
  if (typeof found === 'object') return found.value;
  if (found === 'several')
    remarks.push(`${column}: more than one record of ${table} matches; ${outcomeOf(otherwise)}.`);
  if (otherwise === 'none') return undefined;
  if (otherwise === 'fail')
    throw new InvalidInputError(
      `lookups.${column}`,
      `finds ${found === 'none' ? 'no' : 'more than one'} record of ${table}`,
    );
  const substitute = await ask(column, lookup, [['name', otherwise]], context);
  if (typeof substitute === 'object') return substitute.value;
  remarks.push(
    `${column}: ${found === 'none' ? 'no record' : 'not one record'} of ${table} matches, and "${otherwise}" is not one either.`,
  );
  return undefined;
}

function outcomeOf(otherwise: string): string {
  return otherwise === 'none' ? 'it was left out' : `"${otherwise}" was taken instead`;
}

type Conditions = readonly (readonly [column: string, value: string])[];

/** A condition without a value is not asked: the query would find any record. */
function conditionsOf(by: SignalLookup['by']): Conditions {
  const conditions = Object.entries(by).map(
    ([column, value]) => [column, String(value ?? '').trim()] as const,
  );
  return conditions.every(([, value]) => value !== '' && isAskable(value)) ? conditions : [];
}

/** Values that cannot stand in a query find nothing. */
function isAskable(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return value.length <= 1_000 && !/[\u0000-\u001f\u007f\u2028\u2029]|^\s*javascript\s*:/i.test(value);
}

function ask(
  column: string,
  { find: table, take = 'sys_id' }: SignalLookup,
  conditions: Conditions,
  context: Deps,
) {
  if (conditions.length === 0) return Promise.resolve('none' as const);
  const name = JSON.stringify([table, take, conditions]);
  return context.references.get(name, () => query(column, table, take, conditions, context));
}

const rows = z.object({ result: z.array(z.record(z.string(), z.unknown())) });

async function query(
  column: string,
  table: string,
  take: string,
  conditions: Conditions,
  { send, shownColumns }: Deps,
): Promise<Found> {
  const asked = conditions.reduce((one, [name, value]) => one.where(name, '=', value), encodedQuery());
  const columns = conditions.map(([name]) => name);
  const fields = [...new Set(['sys_id', take, ...columns])];
  const request = listRequest({ table, query: asked, fields, limit: 2, excludeReferenceLink: true });
  const { body } = await send({ request });
  const parsed = z.safeParse(rows, body);
  if (!parsed.success)
    throw new UnreadableAnswerError(`lookups.${column}: the instance answered without records`);
  const found = parsed.data.result;
  // An instance drops a condition on a column that it does not know, and so finds any record, or none (docs/servicenow-contract.md 2.3).
  const unknown =
    found.length === 0
      ? await unknownColumnOf(table, columns, (asked) => send({ request: asked }), shownColumns)
      : columns.find((name) => found.some((row) => row[name] === undefined));
  if (unknown !== undefined)
    throw new InvalidInputError(
      `lookups.${column}.by.${unknown}`,
      `${table} has no such column, or the user may not read it`,
    );
  const matching = found.filter((row) => conditions.every(([name, value]) => isEqual(row[name], value)));
  if (matching.length > 1) return 'several';
  const value = matching[0]?.[take];
  return typeof value === 'string' && value !== '' ? { value } : 'none';
}

/** As an instance compares: without regard to case and outer blanks. */
function isEqual(held: unknown, wanted: string): boolean {
  return typeof held === 'string' && held.trim().toLowerCase() === wanted.toLowerCase();
}
