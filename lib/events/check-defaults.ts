import { InvalidInputError } from '../core/errors.ts';
import { tablesWithLife } from '../record-queue/life-cycle/decide.ts';
import { checkPartsOf, templatesOf } from './check-mapping.ts';
import { checkNames } from './expression-names.ts';
import type { CompiledMapping, Mappings, Parts } from './mapping.ts';

/**
 * Refuses parts of `defaults.yaml` that no mapping file could use as their author means them.
 * @throws InvalidInputError naming the path in `defaults.yaml`
 */
export function checkDefaults({ mappings, defaults }: Mappings): void {
  for (const [target, parts] of Object.entries(defaults)) {
    const files = mappings.filter((mapping) => mapping.target.some(({ is }) => is === target));
    const isKnown = tablesWithLife.includes(target) || target === 'em_event' || files.length > 0;
    if (!isKnown) throw new InvalidInputError(target, 'is the target of no mapping file');
    if (files.length === 0 || files.some(({ life }) => life !== 'none'))
      checkPartsOf({ target: [{ is: target }] }, parts, `${target}.`);
    checkColumns(target, parts, files);
    for (const [path, template] of templatesOf(parts))
      if ('expression' in template) checkExpression(template.expression, `${target}.${path}`, files);
  }
}

function checkColumns(target: string, parts: Parts, files: readonly CompiledMapping[]): void {
  const all = [parts, ...files, ...files.flatMap(({ signal }) => signal)];
  const known = new Set(all.flatMap(({ fields = {} }) => Object.keys(fields)));
  for (const part of ['required', 'update'] as const)
    for (const [index, name] of (parts[part] ?? []).entries())
      if (!known.has(name))
        throw new InvalidInputError(
          `${target}.${part}.${index}`,
          `${name} is not among fields, here or in a file`,
        );
}

/** A value of `let` is known where one file has it: in the others it has no value. */
function checkExpression(expression: string, path: string, files: readonly CompiledMapping[]): void {
  const names = new Set(['event', ...files.flatMap((file) => file.let.map(([name]) => name))]);
  checkNames(expression, path, names, false);
}
