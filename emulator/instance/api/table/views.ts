import type { Schema } from '../../schema/schema.ts';
import type { TableParameters } from './parameters.ts';

/** `sysparm_fields`, or the columns of the UI view; undefined for all, as for a view that nobody defined. */
export function fieldsAsked(
  schema: Schema,
  table: string,
  parameters: Pick<TableParameters, 'fields' | 'view'>,
): readonly string[] | undefined {
  if (parameters.fields) return parameters.fields;
  const view = parameters.view;
  if (view === undefined) return undefined;
  return schema.ancestry(table).find((at) => at.views?.[view])?.views?.[view];
}
