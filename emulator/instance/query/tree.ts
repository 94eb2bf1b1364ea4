import type { Schema } from '../schema/schema.ts';
import { type ColumnPath, findPath } from './column-path.ts';
import type { Operator } from './operators.ts';

/** One clause of an encoded query. */
export type Condition =
  | {
      readonly kind: 'compare';
      readonly path: ColumnPath;
      readonly operator: Operator;
      readonly value: string;
    }
  /** `123TEXTQUERY321=words`: every word somewhere in the row's text. */
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** `RLQUERYtable.column,>=1^…^ENDRLQUERY`: how many rows of another table point here. */
  | {
      readonly kind: 'relatedList';
      readonly table: string;
      readonly column: ColumnPath;
      readonly operator: CountOperator;
      readonly count: number;
      readonly where: QueryTree;
    }
  /** `JOINtable.column=other.column!…` and `SUBQUERYcolumn,column,other^…`: a row of another table with the same value exists. */
  | {
      readonly kind: 'join';
      readonly left: ColumnPath;
      readonly table: string;
      readonly right: ColumnPath;
      readonly where: QueryTree;
    }
  /** A clause without meaning for filtering. */
  | { readonly kind: 'anything' }
  /** An unknown column or operator. */
  | { readonly kind: 'invalid'; readonly text: string };

export type CountOperator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** Conditions joined by `^OR`: one of them must hold. */
type AnyOf = readonly Condition[];

export type SortKey = { readonly path: ColumnPath; readonly descending: boolean };

/** An encoded query taken apart: an OR (by `^NQ`) of ANDs (by `^`) of ORs (by `^OR`). */
export type QueryTree = {
  readonly table: string;
  readonly alternatives: readonly (readonly AnyOf[])[];
  readonly orderBy: readonly SortKey[];
  readonly groupBy: readonly ColumnPath[];
};

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
