/**
 * What a request reads beyond its own table: a path of references, or a table by its name.
 * - `from`: the tables that the path may begin at; behind a related list, a join or a subquery there are several.
 * - `hops`: the references that are walked, in order.
 * - `surely`: false where the text may be a value whose dots walk nowhere; `unless no column` where it is one unless it names a
 *   reference: behind a doubled caret, which to most instances stands for a caret in the value before it.
 */
export type Read =
  | PathRead
  | { readonly kind: 'table'; readonly table: string }
  /** A related list, join or subquery that names its table in no way that we know. */
  | { readonly kind: 'unknown'; readonly text: string };

type PathRead = {
  readonly kind: 'path';
  readonly from: readonly string[];
  readonly hops: readonly string[];
  readonly surely: boolean | 'unless no column';
};

const lists = /^sysparm_(?:fields|group_by|order_by|having|(?:avg|min|max|sum)_fields)$/;

/** Everything that the parameters of a read lead to. @param table lower case */
export function readsOfParameters(query: URLSearchParams, table: string): readonly Read[] {
  return [...query].flatMap(([name, value]) => {
    if (name === 'sysparm_query') return new QueryReader(table).read(value);
    if (name === 'sysparm_tiny') return [{ kind: 'table', table: 'sysparm_tiny' } as const];
    if (lists.test(name)) return readsOfNames(value, table);
    if (name.startsWith('sysparm_')) return [];
    // To an instance a pair is a condition, in which a caret ends the value.
    return value.includes('^') ? new QueryReader(table).read(`${name}=${value}`) : readsOfNames(name, table);
  });
}

/** Every dotted name in a text without operators: column names, or a list of them. @param table lower case */
export function readsOfNames(text: string, table: string): readonly Read[] {
  return [...text.matchAll(/(?:[A-Za-z0-9_]+\s*\.\s*)+(?=[A-Za-z0-9_])/g)].flatMap(([path]) => {
    const hops = path.split('.').map((segment) => segment.trim());
    hops.pop();
    // Figures, as those of `sysparm_having`, are no columns.
    return /^\d+$/.test(hops[0] ?? '') ? [] : [{ kind: 'path', from: [table], hops, surely: true } as const];
  });
}

const prefix = /^(?:ORDERBYDESC|ORDERBY|GROUPBYDESC|GROUPBY|NQ|EQ|OR)+/;
const sorts = /^\s*(?:NQ|EQ)*(?:ORDERBY|GROUPBY)/;
const comparedColumn = /(?<=SAMEAS|_FIELD|MORETHAN|LESSTHAN)(?=\s*([A-Za-z0-9_.]+))/g;
const quantifier = /^\s*(?:(?:>=|<=|!=|=|<|>)\s*\d+|m2m)\s*$/;

/**
 * Reads an encoded query clause by clause. Instances of different releases read a doubled caret and the end of a related list
 * in different ways, so that a condition counts for every table that it may be about.
 */
class QueryReader {
  readonly #base: string;
  readonly #reads: Read[] = [];
  /** Related lists and subqueries that are open, the innermost last. */
  readonly #open: { readonly word: 'RLQUERY' | 'SUBQUERY'; readonly table: string }[] = [];
  /** Nothing ends the conditions of a joined table. */
  readonly #joined: string[] = [];
  /** What is read may be the rest of a value with a caret in it. */
  #mayBeValue = false;

  constructor(base: string) {
    this.#base = base;
  }

  read(query: string): readonly Read[] {
    for (const [, carets = '', clause = ''] of query.matchAll(/(\^*)([^^]*)/g)) {
      this.#mayBeValue = carets !== '' && carets.length % 2 === 0;
      const end = carets === '^' ? /^END(RLQUERY|SUBQUERY)$/.exec(clause)?.[1] : undefined;
      if (end !== undefined && this.#open.at(-1)?.word === end) this.#open.pop();
      else for (const one of sorts.test(clause) ? clause.split(',') : [clause]) this.#readClause(one);
    }
    return this.#reads;
  }

  get #from(): readonly string[] {
    return [...new Set([this.#base, ...this.#open.map(({ table }) => table), ...this.#joined])];
  }

  #readClause(clause: string): void {
    // No column begins with anything else; what an instance may trim must not hide one.
    const text = clause
      .replace(/^[^A-Za-z0-9_]+/, '')
      .replace(prefix, '')
      .trimStart();
    if (text.startsWith('RLQUERY')) this.#readRelatedList(text);
    else if (text.startsWith('JOIN')) this.#readJoin(text);
    else if (/^[a-z0-9_.]*SUBQUERY/.test(text)) this.#readSubquery(text);
    else this.#readCondition(text.replace(/^END(?:RLQUERY|SUBQUERY)/, ''));
  }

  /** `RLQUERYincident.caller_id,>=1,m2m`; to some instances a condition may follow behind a comma. */
  #readRelatedList(text: string): void {
    const [, table, column = '', rest = ''] = /^RLQUERY\s*(\w+)\s*\.?([^,]*),?(.*)$/s.exec(text) ?? [];
    if (table === undefined) {
      this.#addUnknown(text);
      return;
    }
    this.#open.push({ word: 'RLQUERY', table: table.toLowerCase() });
    this.#reads.push({ kind: 'table', table });
    this.#readCondition(column);
    const more = rest.split(',');
    while (more.length > 0 && quantifier.test(more[0] ?? '')) more.shift();
    if (more.length > 0) this.#readClause(more.join(','));
  }

  /** `JOINincident.caller_id=sys_user.sys_id!active=true` */
  #readJoin(text: string): void {
    const found = /^JOIN\s*(\w+)\s*\.([^=]*)=\s*(\w+)\s*\.([^!]*)!?(.*)$/s.exec(text);
    if (!found) {
      this.#addUnknown(text);
      return;
    }
    const [, left = '', leftColumn = '', right = '', rightColumn = '', condition = ''] = found;
    for (const table of [left, right]) {
      this.#reads.push({ kind: 'table', table });
      this.#joined.push(table.toLowerCase());
    }
    this.#readCondition(leftColumn);
    this.#readCondition(rightColumn);
    this.#readClause(condition);
  }

  /** `SUBQUERYsys_id,manager,sys_user_group^active=true^ENDSUBQUERY` */
  #readSubquery(text: string): void {
    const found = /^SUBQUERY([^,]*),([^,]*),\s*(\w+)(.*)$/s.exec(text);
    if (!found) {
      this.#addUnknown(text);
      return;
    }
    const [, column = '', innerColumn = '', table = '', rest = ''] = found;
    this.#open.push({ word: 'SUBQUERY', table: table.toLowerCase() });
    this.#reads.push({ kind: 'table', table });
    this.#readCondition(column);
    this.#readCondition(innerColumn);
    if (rest !== '') this.#readClause(rest);
  }

  #readCondition(text: string): void {
    const columns = [text, ...[...text.matchAll(comparedColumn)].map(([, compared = '']) => compared)];
    for (const read of columns.flatMap((column) => pathIn(column, this.#from)))
      this.#reads.push(this.#mayBeValue && read.surely ? { ...read, surely: 'unless no column' } : read);
  }

  #addUnknown(text: string): void {
    this.#reads.push({ kind: 'unknown', text });
  }
}

/** An operator after a column: from there on it is a value, whose dots walk nowhere. */
const operator =
  /^[a-z0-9_]+(?:NOT|LIKE|IN|STARTSWITH|ENDSWITH|CONTAINS|DOES|BETWEEN|N?SAMEAS|IS|EMPTY|ANYTHING|GT_|LT_|MORETHAN|LESSTHAN|RELATIVE|DATEPART|ON|DYNAMIC|VALCHANGES|CHANGES|MATCH|SUBQUERY)/;

/**
 * The references that are walked at the start of a condition, e.g. both of `caller_id.department.nameLIKEa.b`. From a segment on
 * that holds an operator it may be a column in odd case (`busINess_service.name`), or a value (`short_descriptionINa.b`).
 */
function pathIn(text: string, from: readonly string[]): readonly PathRead[] {
  const segments = [...text.matchAll(/\s*([A-Za-z0-9_]+)\s*\./gy)].map(([, segment = '']) => segment);
  const first = segments.findIndex((segment) => operator.test(segment));
  const sure = first === -1 ? segments : segments.slice(0, first);
  return [
    ...(sure.length > 0 ? [{ kind: 'path', from, hops: sure, surely: true } as const] : []),
    ...(first >= 0 ? [{ kind: 'path', from, hops: segments, surely: false } as const] : []),
  ];
}
