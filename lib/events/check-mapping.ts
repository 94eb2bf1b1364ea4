import { InvalidInputError } from '../core/errors.ts';
import { keptColumns } from '../operations/signal.ts';
import { phaseOf, tablesWithLife } from '../record-queue/life-cycle/decide.ts';
import { checkNames } from './expression-names.ts';
import type { CompiledMapping, Condition, Parts, Template } from './mapping.ts';

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

/**
 * Refuses parts that would make a record be lost or closed.
 * @param path of the parts, empty or ending with a dot
 * @throws InvalidInputError naming the path
 */
export function checkPartsOf(
  { target, life }: Pick<CompiledMapping, 'target' | 'life'>,
  parts: Parts,
  path: string,
): void {
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
function checkExpressions(mapping: CompiledMapping): void {
  const { let: values, each, key, at, id, target, signal } = mapping;
  const known = new Set(['event']);
  const check = (path: string, given: Template | Condition | undefined, isSteady = false) => {
    if (given && 'expression' in given) checkNames(given.expression, path, known, isSteady);
  };
  check('each', each);
  for (const [name, value] of values) {
    check(`let.${name}`, value);
    known.add(name);
  }
  for (const [index, part] of key.entries()) check(key.length > 1 ? `key.${index}` : 'key', part, true);
  check('id', id, true);
  check('at', at);
  for (const [index, { when }] of target.entries()) check(`target.${index}.when`, when);
  for (const [path, template] of templatesOf(mapping)) check(path, template);
  for (const [index, entry] of signal.entries()) {
    check(`signal.${index}.when`, entry.when);
    for (const [path, template] of templatesOf(entry)) check(`signal.${index}.${path}`, template);
  }
}

type Named = readonly [path: string, template: Template];

/** The values of parts, by their path in them. */
export function templatesOf({ fields = {}, note, resolve = {} }: Parts): readonly Named[] {
  const named = (values: Readonly<Record<string, Template>>, path: string) =>
    Object.entries(values).map(([name, value]): Named => [`${path}.${name}`, value]);
  const ofFields = Object.entries(fields).flatMap(([column, field]): readonly Named[] =>
    'lookup' in field ? named(field.lookup.by, `fields.${column}.by`) : [[`fields.${column}`, field]],
  );
  return [...ofFields, ...(note ? [['note', note.text] as const] : []), ...named(resolve, 'resolve')];
}
