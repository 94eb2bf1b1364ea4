import type { ColumnPath } from './column-path.ts';
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
  /** `JOINtable.column=other.column!…`: a row of another table with the same value exists. */
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
