import { InvalidInputError } from '../core/errors.ts';

type Field = string | number | boolean | { readonly else?: string | undefined };

/** Parts as a file gives them, of which some say more than their structure shows. */
export type GivenParts = {
  readonly fields?: Readonly<Record<string, Field>> | undefined;
  readonly update?: readonly string[] | undefined;
  readonly required?: readonly string[] | undefined;
  readonly resolve?: Readonly<Record<string, unknown>> | undefined;
  readonly reopen?: { readonly state?: string | number | undefined } | undefined;
};

/**
 * Refuses parts that a signal would refuse, or that would have no effect.
 * @param path of the parts in the file, empty or ending with a dot
 * @throws InvalidInputError naming the path
 */
export function checkParts({ fields = {}, resolve = {}, reopen = {} }: GivenParts, path: string): void {
  const { unless } = resolve;
  if (unless !== undefined && unless !== 'assigned')
    throw new InvalidInputError(`${path}resolve.unless`, 'must be assigned');
  refuseExpression(reopen.state, `${path}reopen.state`);
  for (const [column, field] of Object.entries(fields))
    if (typeof field === 'object') refuseExpression(field.else, `${path}fields.${column}.else`);
}

function refuseExpression(value: unknown, path: string): void {
  if (typeof value === 'string' && value.includes('{%'))
    throw new InvalidInputError(path, 'must be text; an expression is not evaluated here');
}

/**
 * Refuses names of columns in `required` and `update` that no `fields` fill.
 * @param shared columns that `defaults.yaml` fills
 * @throws InvalidInputError naming the path
 */
export function checkColumnNames(
  file: GivenParts & { readonly signal: readonly GivenParts[] },
  shared: ReadonlySet<string>,
): void {
  const columnsIn = (...all: readonly GivenParts[]) => all.flatMap(({ fields = {} }) => Object.keys(fields));
  const check = ({ required, update }: GivenParts, known: readonly string[], path: string) => {
    for (const [part, names] of Object.entries({ required, update }))
      for (const [index, name] of (names ?? []).entries())
        if (!known.includes(name) && !shared.has(name))
          throw new InvalidInputError(`${path}${part}.${index}`, `${name} is not among fields`);
  };
  check(file, columnsIn(file, ...file.signal), '');
  for (const [index, entry] of file.signal.entries())
    check(entry, columnsIn(file, entry), `signal.${index}.`);
}
