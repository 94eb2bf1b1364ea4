import type { ColumnPath } from './column-path.ts';
import type { Condition, QueryTree, SortKey } from './tree.ts';

/** Puts conditions into place as they are read from left to right. */
export class TreeBuilder {
  readonly table: string;
  readonly #alternatives: Condition[][][] = [[]];
  readonly #orderBy: SortKey[] = [];
  readonly #groupBy: ColumnPath[] = [];

  constructor(table: string) {
    this.table = table;
  }

  /** `^NQ` */
  beginAlternative(): void {
    this.#alternatives.push([]);
  }

  /** `^` */
  and(condition: Condition): void {
    this.#alternatives.at(-1)?.push([condition]);
  }

  /** `^OR`, which binds to the condition right before it. */
  or(condition: Condition): void {
    const before = this.#alternatives.at(-1)?.at(-1);
    if (before) before.push(condition);
    else this.and(condition);
  }

  orderBy(key: SortKey): void {
    this.#orderBy.push(key);
  }

  groupBy(path: ColumnPath): void {
    this.#groupBy.push(path);
  }

  /** Alternatives without any clause (a trailing `^NQ`) count for nothing. */
  build(): QueryTree {
    return {
      table: this.table,
      alternatives: this.#alternatives.filter((all) => all.length > 0),
      orderBy: this.#orderBy,
      groupBy: this.#groupBy,
    };
  }
}
