import type { Schema } from '../schema/schema.ts';
import { type ColumnPath, findPath, readPaths } from './column-path.ts';
import { type Operator, readOperator } from './operators.ts';
import type { Condition, CountOperator, QueryTree, SortKey } from './tree.ts';

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

const relatedListPattern = /^RLQUERY(\w+)\.(\w+),\s*(>=|<=|!=|=|<|>)(\d+)(?:,m2m)?(?:,(.+))?$/s;
const subqueryPattern = /^SUBQUERY(\w+),\s*(\w+),\s*(\w+)(?:\^(.*))?$/s;
const joinPattern = /^JOIN(\w+)\.(\w+)=(\w+)\.(\w+)!(.*)$/s;
const textQuery = '123TEXTQUERY321=';
const textIndexGroup = '123TEXTINDEXGROUP321=';

/**
 * Takes an encoded query apart. Never fails: what it cannot read becomes an `invalid` condition, since an instance
 * answers no error for it either.
 */
export function parseQuery(schema: Schema, table: string, query: string, undoubleCarets: boolean): QueryTree {
  return new Parser(schema, splitAtCarets(query, undoubleCarets)).parse(table);
}

/** The clauses of a query with their joining words still on them (`ORpriority=1`). */
function splitAtCarets(query: string, undoubleCarets: boolean): string[] {
  if (!undoubleCarets || !query.includes('^^')) return query.split('^');
  const clauses = [''];
  for (const [piece] of query.matchAll(/\^\^|\^|[^^]+/g)) {
    if (piece === '^') clauses.push('');
    else clauses.push((clauses.pop() ?? '') + (piece === '^^' ? '^' : piece));
  }
  return clauses;
}

class Parser {
  readonly #schema: Schema;
  readonly #clauses: string[];

  constructor(schema: Schema, clauses: string[]) {
    this.#schema = schema;
    this.#clauses = clauses;
  }

  /** Reads up to `end` (which it takes away too) or to the end of the query. */
  parse(table: string, end?: string): QueryTree {
    const tree = new TreeBuilder(table);
    for (let text = this.#clauses.shift(); text !== undefined; text = this.#clauses.shift()) {
      if (text === end) break;
      this.#readClause(tree, text);
    }
    return tree.build();
  }

  #readClause(tree: TreeBuilder, clause: string): void {
    let text = clause;
    if (text.startsWith('NQ')) {
      tree.beginAlternative();
      text = text.slice('NQ'.length);
    }
    if (['', 'EQ', 'ENDRLQUERY', 'ENDSUBQUERY'].includes(text)) return;
    if (this.#readOrder(tree, text)) return;
    // Instances take `^ORSUBQUERY` for `^SUBQUERY`.
    if (text.startsWith('ORSUBQUERY')) tree.and(this.#readCondition(tree.table, text.slice('OR'.length)));
    else if (text.startsWith('OR')) tree.or(this.#readCondition(tree.table, text.slice('OR'.length)));
    else tree.and(this.#readCondition(tree.table, text));
  }

  /** Sorting or grouping by an unknown column is passed over. */
  #readOrder(tree: TreeBuilder, text: string): boolean {
    const word = orderWord(text);
    if (!word) return false;
    const path = findPath(this.#schema, tree.table, text.slice(word.length).trim());
    if (path && word === 'GROUPBY') tree.groupBy(path);
    else if (path) tree.orderBy({ path, descending: word === 'ORDERBYDESC' });
    return true;
  }

  #readCondition(table: string, text: string): Condition {
    if (text.startsWith(textQuery)) {
      return { kind: 'words', words: text.slice(textQuery.length).split(/\s+/).filter(Boolean) };
    }
    if (text.startsWith(textIndexGroup)) return { kind: 'anything' };
    if (text.startsWith('RLQUERY')) return this.#readRelatedList(text);
    if (text.startsWith('SUBQUERY')) return this.#readSubquery(table, text);
    if (text.startsWith('JOIN')) return this.#readJoin(table, text);
    return this.#readComparison(table, text);
  }

  #readComparison(table: string, text: string): Condition {
    for (const { path, rest } of readPaths(this.#schema, table, text)) {
      const read = readOperator(rest);
      if (read) return { kind: 'compare', path, ...withNull(read) };
    }
    return { kind: 'invalid', text };
  }

  #readRelatedList(text: string): Condition {
    const [, table = '', name = '', operator = '', count = '', first] = relatedListPattern.exec(text) ?? [];
    if (first !== undefined) this.#clauses.unshift(first);
    const where = this.parse(table, 'ENDRLQUERY');
    const column = findPath(this.#schema, table, name);
    if (!column || !isCountOperator(operator)) return { kind: 'invalid', text };
    return { kind: 'relatedList', table, column, operator, count: Number(count), where };
  }

  /** One in another has `^^` for its carets, which are single ones here already. */
  #readSubquery(base: string, text: string): Condition {
    const [, leftName = '', rightName = '', table = '', conditions] = subqueryPattern.exec(text) ?? [];
    if (conditions !== undefined) this.#clauses.unshift(...conditions.split('^'));
    const where = this.parse(table, 'ENDSUBQUERY');
    const left = findPath(this.#schema, base, leftName);
    const right = findPath(this.#schema, table, rightName);
    return left && right ? { kind: 'join', left, table, right, where } : { kind: 'invalid', text };
  }

  /** The condition after `!` runs to the end of the query; only sorting in it belongs to the rows asked for. */
  #readJoin(base: string, text: string): Condition {
    const [, leftTable = '', leftName = '', table = '', rightName = '', first = ''] =
      joinPattern.exec(text) ?? [];
    const known = this.#schema.ancestry(base).some((above) => above.name === leftTable);
    const left = known ? findPath(this.#schema, base, leftName) : undefined;
    const right = findPath(this.#schema, table, rightName);
    if (!left || !right) return { kind: 'invalid', text };
    const conditions = [first, ...this.#clauses.filter((clause) => !orderWord(clause))];
    const where = new Parser(this.#schema, conditions).parse(table);
    this.#clauses.splice(0, this.#clauses.length, ...this.#clauses.filter(orderWord));
    return { kind: 'join', left, table, right, where };
  }
}

type Comparison = { readonly operator: Operator; readonly value: string };

/** `column=NULL` asks for empty columns, `column!=NULL` for the others. */
function withNull(read: Comparison): Comparison {
  if (read.value !== 'NULL') return read;
  if (read.operator === '=') return { operator: 'ISEMPTY', value: '' };
  return read.operator === '!=' ? { operator: 'ISNOTEMPTY', value: '' } : read;
}

function orderWord(text: string): string | undefined {
  return ['ORDERBYDESC', 'ORDERBY', 'GROUPBY'].find((word) => text.startsWith(word));
}

function isCountOperator(text: string): text is CountOperator {
  return ['=', '!=', '<', '>', '<=', '>='].includes(text);
}
