import type { Column } from '../schema/table.ts';
import type { Store } from '../store/store.ts';
import { RowRejected } from './outcome.ts';
import type { FieldMap } from './transform-map.ts';

/**
 * The choice that a source value names, by its value or its label, without regard to case. One that is not there
 * becomes a new choice, unless the column holds numbers.
 *
 * @returns undefined when there is none and the choice action is to ignore that.
 * @throws RowRejected when there is none and the choice action is to reject the row.
 */
export function resolveChoice(
  store: Store,
  table: string,
  field: FieldMap,
  column: Column,
  given: string,
): string | undefined {
  const wanted = given.toLowerCase();
  const known = column.choices?.find(
    (choice) => choice.value.toLowerCase() === wanted || choice.label.toLowerCase() === wanted,
  );
  if (known) return known.value;
  if (field.choiceAction === 'reject') {
    throw new RowRejected(
      '200',
      `Choice rejected: ${field.source} = ${given} is no choice of ${field.target}`,
    );
  }
  if (field.choiceAction === 'ignore' || column.kind !== 'choice') return undefined;
  store.schema.addChoice(table, column.name, { value: given, label: given });
  store.seed('sys_choice', { name: table, element: column.name, value: given, label: given });
  return given;
}
