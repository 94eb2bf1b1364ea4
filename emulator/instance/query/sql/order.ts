import type { SortKey } from '../tree.ts';
import { collate } from './compare.ts';
import { displaySql, type Scope } from './scope.ts';

/** What follows ORDER BY. References sort by what they show; empty values come first, as in MySQL. */
export function compileOrder(scope: Scope, keys: readonly SortKey[]): string {
  return keys.map((key) => compileKey(scope, key)).join(', ');
}

function compileKey(scope: Scope, { path, descending }: SortKey): string {
  const { sql } = displaySql(scope, path);
  const collation =
    path.leaf.column.kind === 'reference' ? ' COLLATE NOCASE' : collate(scope, path.leaf.column);
  return `${sql}${collation}${descending ? ' DESC' : ''}`;
}
