import type { Schema } from '../schema/schema.ts';
import { type ColumnPath, findPath } from './column-path.ts';
import type { Operator } from './operators.ts';
import type { Condition, QueryTree } from './tree.ts';

const columnAgainstColumn: ReadonlySet<Operator> = new Set([
  'SAMEAS',
  'NSAMEAS',
  'GT_FIELD',
  'LT_FIELD',
  'GT_OR_EQUALS_FIELD',
  'LT_OR_EQUALS_FIELD',
  'MORETHAN',
  'LESSTHAN',
]);

/** Every column that a query names, in conditions of its own or of related lists, on either side, in sorting or grouping. */
export function namedColumns(schema: Schema, tree: QueryTree): ColumnPath[] {
  return [
    ...tree.alternatives.flat(2).flatMap((condition) => namedIn(schema, tree.table, condition)),
    ...tree.orderBy.map((key) => key.path),
    ...tree.groupBy,
  ];
}

function namedIn(schema: Schema, table: string, condition: Condition): ColumnPath[] {
  switch (condition.kind) {
    case 'compare':
      return [condition.path, ...otherSide(schema, table, condition)];
    case 'relatedList':
      return [condition.column, ...namedColumns(schema, condition.where)];
    case 'join':
      return [condition.left, condition.right, ...namedColumns(schema, condition.where)];
    default:
      return [];
  }
}

function otherSide(
  schema: Schema,
  table: string,
  { operator, value }: Condition & { kind: 'compare' },
): ColumnPath[] {
  if (!columnAgainstColumn.has(operator)) return [];
  const path = findPath(schema, table, value.split('@')[0] ?? '');
  return path ? [path] : [];
}
