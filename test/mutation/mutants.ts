import { childrenOf, parse, type SyntaxNode } from './syntax.ts';

/** One small change to a source file that a test should notice. */
export type Mutant = {
  /** 1-based. */
  readonly line: number;
  /** Where in the original file. */
  readonly offset: number;
  /** `=== → !==` */
  readonly change: string;
  /** The whole file with the change. */
  readonly source: string;
};

type Edit = { readonly at: number; readonly length: number; readonly text: string; readonly change: string };

/** Operators that are swapped; the spaces around them keep generics and arrow functions out. */
const swaps: readonly (readonly [from: string, to: string])[] = [
  [' && ', ' || '],
  [' || ', ' && '],
  [' ?? ', ' && '],
  [' === ', ' !== '],
  [' !== ', ' === '],
  [' < ', ' <= '],
  [' <= ', ' < '],
  [' > ', ' >= '],
  [' >= ', ' > '],
  [' + ', ' - '],
  [' - ', ' + '],
  [' * ', ' / '],
];

/** Nodes with a type in their name that hold code all the same. */
const codeNodes = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression']);

/**
 * Every mutant of a TypeScript file: negated conditions, swapped operators, other constants, removed statements. Changes
 * that are no valid syntax, or that touch nothing but types, are left out.
 */
export function mutantsOf(source: string): readonly Mutant[] {
  const types = typesIn(parse(source));
  return editsOf(blankText(source), source).flatMap(({ at, length, text, change }) => {
    const mutated = source.slice(0, at) + text + source.slice(at + length);
    const offset = at + source.slice(at).search(/\S/);
    if (types.some(({ start, end }) => start <= offset && offset < end) || !isValid(mutated)) return [];
    return [{ line: source.slice(0, offset).split('\n').length, offset, change, source: mutated }];
  });
}

function typesIn(node: SyntaxNode): readonly SyntaxNode[] {
  if (node.type.startsWith('TS') && !codeNodes.has(node.type)) return [node];
  return [...childrenOf(node)].flatMap(([, child]) => typesIn(child));
}

function isValid(source: string): boolean {
  try {
    parse(source);
    return true;
  } catch {
    return false;
  }
}

function editsOf(code: string, source: string): readonly Edit[] {
  const edits = [
    swapEdits(code),
    conditionEdits(code, source),
    constantEdits(code),
    removalEdits(code),
  ].flat();
  return edits.sort((a, b) => a.at - b.at);
}

function swapEdits(code: string): Edit[] {
  return swaps.flatMap(([from, to]) =>
    [...code.matchAll(new RegExp(escapeRegExp(from), 'g'))].map(({ index }) => ({
      at: index,
      length: from.length,
      text: to,
      change: `${from.trim()} → ${to.trim()}`,
    })),
  );
}

function conditionEdits(code: string, source: string): Edit[] {
  return [...code.matchAll(/\b(?:if|while) \(/g)].map(({ index, 0: head }) => {
    const at = index + head.length;
    const condition = source.slice(at, closingParenthesis(code, at));
    return {
      at,
      length: condition.length,
      text: `!(${condition})`,
      change: `negated: ${condition.slice(0, 60)}`,
    };
  });
}

function constantEdits(code: string): Edit[] {
  const booleans = [...code.matchAll(/\b(true|false)\b/g)].map(({ index, 0: word }) => {
    const text = word === 'true' ? 'false' : 'true';
    return { at: index, length: word.length, text, change: `${word} → ${text}` };
  });
  const numbers = [...code.matchAll(/(?<![\w.$])\d[\d_]*(?![\w.])/g)].map(({ index, 0: digits }) => {
    const text = String(Number(digits.replaceAll('_', '')) + 1);
    return { at: index, length: digits.length, text, change: `${digits} → ${text}` };
  });
  return [...booleans, ...numbers];
}

/** Statements on a line of their own: calls, assignments and throws. */
function removalEdits(code: string): Edit[] {
  const statement =
    /^ +(?:(?:await |void )?[\w.#?!]+\([^\n]*\)(?:\.\w+\([^\n]*\))*;|[\w.#]+ (?:[+-]|\?\?|\|\|)?= [^\n]*;|throw [^\n]*;)$/gm;
  return [...code.matchAll(statement)].map(({ index, 0: line }) => ({
    at: index,
    length: line.length,
    text: ';',
    change: `removed: ${line.trim().slice(0, 60)}`,
  }));
}

function closingParenthesis(code: string, from: number): number {
  let depth = 1;
  for (let at = from; at < code.length; at += 1) {
    if (code[at] === '(') depth += 1;
    else if (code[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return code.length;
}

/** The source with comments, strings, templates and regular expressions blanked out, so that every offset stays. */
function blankText(source: string): string {
  const text =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};\n] *)\/(?![*/ ])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;
  return source.replaceAll(text, (found) => found.replaceAll(/[^\n]/g, '_'));
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
