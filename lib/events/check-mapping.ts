import { InvalidInputError } from '../core/errors.ts';
import { keptColumns } from '../operations/signal.ts';
import { phaseOf, tablesWithLife } from '../record-queue/life-cycle/decide.ts';
import { checkNames, isFunctionName } from './expression-names.ts';
import type { CompiledMapping, Parts } from './mapping.ts';

/**
 * Refuses a compiled mapping that no event could ever use as its author means it.
 * @throws InvalidInputError naming the path in the file
 */
export function checkMapping(mapping: CompiledMapping): void {
  checkTargets(mapping);
  checkOrder(mapping.target, 'target');
  checkOrder(mapping.signal, 'signal');
  checkPartsOf(mapping, mapping, '');
  for (const [index, entry] of mapping.signal.entries()) checkPartsOf(mapping, entry, `signal.${index}.`);
  checkExpressions(mapping);
}

function checkTargets({ target, life }: CompiledMapping): void {
  const unknown = target.find(({ is }) => !tablesWithLife.includes(is) && is !== 'em_event');
  if (life === undefined && unknown)
    throw new InvalidInputError(
      'target',
      `must be ${tablesWithLife.join(', ')} or em_event; ${unknown.is} needs life: none`,
    );
}

/** The first entry that matches counts. */
function checkOrder(entries: readonly { readonly when?: unknown }[], path: string): void {
  const last = entries.findIndex(({ when }) => when === undefined);
  if (last >= 0 && last < entries.length - 1)
    throw new InvalidInputError(`${path}.${last + 1}`, 'is never reached: the entry before it has no "when"');
}

function checkPartsOf({ target, life }: CompiledMapping, parts: Parts, path: string): void {
  if (life === 'none') return;
  const { fields = {}, resolve = {} } = parts;
  for (const [part, columns] of Object.entries({ fields, resolve })) {
    const kept = keptColumns.find((column) => Object.hasOwn(columns, column));
    if (kept !== undefined)
      throw new InvalidInputError(`${path}${part}.${kept}`, 'is derived from source and key');
  }
  const { state } = resolve;
  if (state === undefined || !('literal' in state)) return;
  const given = { state: String(state.literal), active: 'true' };
  // People end changes; for the others a state that closes a record could not be taken back.
  const moved = target.map(({ is }) => is).filter((is) => is !== 'change_request' && is !== 'em_event');
  if (moved.length > 0 && !moved.some((is) => phaseOf(is, given) === 'resolved'))
    throw new InvalidInputError(
      `${path}resolve.state`,
      `is not the state in which a record of ${moved.join(', ')} is resolved; records are never closed`,
    );
}

/** Names that an expression may use, in the order of the file. */
function checkExpressions({ let: values, each, key, ...rest }: CompiledMapping): void {
  const known = new Set(['event']);
  check(each, 'each', known);
  for (const [name, value] of values) {
    if (isFunctionName(name))
      throw new InvalidInputError(`let.${name}`, 'is the name of a function of JSONata');
    check(value, `let.${name}`, known);
    known.add(name);
  }
  for (const [part, value] of Object.entries({ ...rest, key: key.length === 1 ? key[0] : key }))
    check(value, part, known);
}

const steady = /^(key|id|at)\b/;

/** @param given a part of a mapping, with templates somewhere inside */
function check(given: unknown, path: string, known: ReadonlySet<string>): void {
  if (typeof given !== 'object' || given === null) return;
  if ('expression' in given && typeof given.expression === 'string')
    checkNames(given.expression, path.replace('.lookup.', '.'), known, steady.test(path));
  else for (const [name, one] of Object.entries(given)) check(one, `${path}.${name}`, known);
}
