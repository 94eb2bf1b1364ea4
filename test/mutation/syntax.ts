import { parseAst } from 'vitest/node';

/** A node of the syntax tree (ESTree with TypeScript), as far as it matters here. Offsets count UTF-16 units. */
export type SyntaxNode = { readonly type: string; readonly start: number; readonly end: number };

/** @throws {Error} when the text is no valid TypeScript */
export function parse(source: string): SyntaxNode {
  return parseAst(source, { lang: 'ts' });
}

/** The nodes below a node, by the names of their fields. */
export function* childrenOf(node: SyntaxNode): Generator<readonly [field: string, child: SyntaxNode]> {
  for (const [field, value] of Object.entries(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield [field, child];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}
