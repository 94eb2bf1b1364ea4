import { childrenOf, parse, type SyntaxNode } from './syntax.ts';

/** A piece of code that runs whole or not at all: a statement, a branch of an expression, a default value. */
export type Unit = { readonly start: number; readonly end: number };

type Insert = { readonly at: number; readonly text: string };

/** Fields whose value is computed only sometimes, or later than what is around it. */
const lazyFields: Readonly<Record<string, readonly string[]>> = {
  ConditionalExpression: ['consequent', 'alternate'],
  LogicalExpression: ['right'],
  AssignmentPattern: ['right'],
  PropertyDefinition: ['value'],
  ArrowFunctionExpression: ['body'],
};

const statementLists = new Set([
  'Program.body',
  'BlockStatement.body',
  'SwitchCase.consequent',
  'StaticBlock.body',
]);

/** Statements that may stand without braces. */
const bodies = new Set([
  'IfStatement.consequent',
  'IfStatement.alternate',
  'ForStatement.body',
  'ForOfStatement.body',
  'ForInStatement.body',
  'WhileStatement.body',
  'DoWhileStatement.body',
]);

/**
 * Divides a file into units.
 * @param call the code to insert at the begin of a unit, by its place in the list
 */
export function unitsOf(
  source: string,
  call: (unit: number) => string,
): { readonly units: readonly Unit[]; readonly instrumented: string } {
  const units: Unit[] = [];
  const opening: Insert[] = [];
  const closing: Insert[] = [];
  const add = ({ start, end }: SyntaxNode, before: string, after: string) => {
    const text = call(units.push({ start, end }) - 1);
    opening.push({ at: start, text: before.replace('?', text) });
    return () => closing.push({ at: end, text: after });
  };
  const visit = (node: SyntaxNode) => {
    for (const [field, child] of childrenOf(node)) {
      let close = () => 0;
      const place = `${node.type}.${field}`;
      if (statementLists.has(place)) close = add(child, '?;', '');
      else if (bodies.has(place) && child.type !== 'BlockStatement') close = add(child, '{?;', '}');
      else if (lazyFields[node.type]?.includes(field) && child.type !== 'BlockStatement')
        close = add(child, '(?,(', '))');
      visit(child);
      close();
    }
  };
  visit(parse(source));
  return { units, instrumented: insertAll(source, [...closing, ...opening]) };
}

/** The index of the smallest unit around a place. */
export function unitAt(units: readonly Unit[], offset: number): number | undefined {
  let found: number | undefined;
  for (const [index, { start, end }] of units.entries()) if (start <= offset && offset < end) found = index;
  return found;
}

function insertAll(source: string, inserts: readonly Insert[]): string {
  let text = '';
  let from = 0;
  for (const insert of inserts.toSorted((a, b) => a.at - b.at)) {
    text += source.slice(from, insert.at) + insert.text;
    from = insert.at;
  }
  return text + source.slice(from);
}
