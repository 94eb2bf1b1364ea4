import jsonata from 'jsonata';
import { ConnectorError, InvalidInputError } from '../core/errors.ts';
import { boundedFunctions, longestResult } from './bounded-functions.ts';
import { ExpressionError } from './expression-error.ts';
import { costOf, longestTextOf } from './reg-exp-cost.ts';
import { isJsonataFunction, sizeOf } from './value-size.ts';
import { isCopy } from './without-null.ts';

/** Evaluates an expression; a value that is missing is undefined. @throws ExpressionError */
export type Expression = (input: unknown, variables: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** What one evaluation may take: milliseconds, nested calls, elements of a list. Events are mapped side by side, perhaps slowly. */
const limits = { timeout: 10_000, stack: 200, sequence: 10_000 };

/** So many parts are evaluated: on every machine the same, while the time also passes for a process that waits for its turn. */
const mostParts = 300_000;

/** What all parts of one evaluation may give together: elements of lists. What a part takes from another counts again. */
const mostElements = 1_000_000;
/** Characters of all texts in one value; a part that it shares with others counts each time. */
const largestValue = 4_000_000;

/**
 * The one place where JSONata expressions are built. They come from deployed mapping files only, and cannot run for long,
 * build expressions of their own, or reach a prototype.
 * @param path names the expression in errors
 * @throws InvalidInputError when it cannot be parsed, uses `$eval`, or holds a regular expression that may run for long
 */
export function compileExpression(source: string, path: string): Expression {
  const expression = parse(source, path);
  checkNode(expression.ast(), path);
  expression.registerFunction('eval', () => {
    throw new ExpressionError(path, '$eval is not available');
  });
  const functions = boundedFunctions((reason) => {
    throw new ExpressionError(path, reason);
  });
  for (const { name, run, signature } of functions) expression.registerFunction(name, run, signature);
  expression.assign(afterEachPart, limitResults(path));
  return async (input, variables) => {
    try {
      return toPlain(await expression.evaluate(input, variables), path);
    } catch (error) {
      if (error instanceof ConnectorError) throw error;
      throw new ExpressionError(path, reasonOf(error));
    }
  };
}

function parse(source: string, path: string): jsonata.Expression {
  try {
    return jsonata(source, { ...limits, RegexEngine: guardedEngine });
  } catch (error) {
    throw new InvalidInputError(path, `is not a JSONata expression: ${reasonOf(error)}`, { cause: error });
  }
}

/** JSONata throws plain objects. Its messages quote values of the event, so that only its code is reported at run time. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'failed';
  const code = 'code' in error ? String(error.code) : '';
  const known = reasons[code];
  if (known) return known;
  // What the author of the file says with $error.
  if (code === 'D3137' && 'message' in error) return String(error.message).slice(0, 200);
  if (/^S0/.test(code) && 'message' in error) return String(error.message).slice(0, 200);
  const position = 'position' in error ? ` at character ${error.position}` : '';
  return code === '' ? 'failed' : `failed with ${code} of JSONata${position}`;
}

const reasons: Readonly<Record<string, string>> = {
  D1011: 'nests too many calls',
  D1012: 'ran for too long',
  D2014: 'makes a list that is too long',
  D2015: 'makes a list that is too long',
  T1006: 'calls something that is not a function',
  T2001: 'calculates with something that is not a number',
  T2002: 'calculates with something that is not a number',
};

/** The name of what JSONata calls with each result: a symbol, which its types do not know. Its own limits are on one list each. */
const afterEachPart: string = Object(Symbol.for('jsonata.__evaluate_exit'));

function limitResults(path: string) {
  const counts = new WeakMap<object, { parts: number; elements: number }>();
  return (_part: unknown, _input: unknown, { base }: { readonly base: object }, result: unknown): void => {
    const count = counts.get(base) ?? { parts: 0, elements: 0 };
    counts.set(base, count);
    count.parts += 1;
    if (count.parts > mostParts) throw new ExpressionError(path, 'ran for too long');
    if (typeof result === 'string' && result.length > longestResult)
      throw new ExpressionError(path, 'makes a text that is too long');
    if (!isTupleStream(result) && sizeOf(result).text > largestValue)
      throw new ExpressionError(path, 'makes a value that is too large');
    if (!Array.isArray(result)) return;
    count.elements += result.length;
    if (count.elements > mostElements) throw new ExpressionError(path, 'makes too many elements');
  };
}

/** What JSONata itself passes on between the steps of a path; each of its elements may refer to the whole event. */
function isTupleStream(value: unknown): boolean {
  return Array.isArray(value) && 'tupleStream' in value;
}

/** Looks at every node of a parsed expression. */
function checkNode(node: unknown, path: string): void {
  if (typeof node !== 'object' || node === null) return;
  if (node instanceof RegExp) {
    checkRegExp(node, path);
    return;
  }
  const { type, value, lhs, rhs } = Object.assign(
    { type: undefined, value: undefined, lhs: undefined, rhs: undefined },
    node,
  );
  if (type === 'variable' && value === 'eval') throw new InvalidInputError(path, 'must not use $eval');
  if (type === 'binary' && (value === '=' || value === '!=') && [lhs, rhs].some(isNull))
    throw new InvalidInputError(
      path,
      'compares with null, which counts as missing: use $exists(…) or $not($exists(…))',
    );
  for (const child of Object.values(node)) checkNode(child, path);
}

function isNull(node: unknown): boolean {
  const { type, value } = Object(node);
  return type === 'value' && value === null;
}

/** An expression that is tried on shorter texts only is of no use. */
const shortestUse = 100;

function checkRegExp(expression: RegExp, path: string): void {
  const cost = costOf(expression);
  if (cost.isNested)
    throw new InvalidInputError(
      path,
      'has a regular expression that repeats a group with choices or repetitions',
    );
  if (cost.hasReference)
    throw new InvalidInputError(path, 'has a regular expression with a back reference or a look-around');
  if (longestTextOf(cost) < shortestUse)
    throw new InvalidInputError(path, 'has a regular expression with too many repetitions or choices');
}

/** Refuses texts that are too long for its expression: a time limit cannot stop a regular expression. */
class GuardedRegExp extends RegExp {
  readonly #longest = longestTextOf(costOf(this));

  override exec(text: string): RegExpExecArray | null {
    if (text.length > this.#longest)
      throw new ExpressionError('regular expression', `is tried on more than ${this.#longest} characters`);
    return super.exec(text);
  }
}

/** JSONata wants a constructor of the type of RegExp itself. */
const guardedEngine = new Proxy(RegExp, { construct: (_target, [pattern]) => new GuardedRegExp(pattern) });

/** Without what JSONata adds to lists, and without functions. */
function toPlain(value: unknown, path: string): unknown {
  if (typeof value === 'function' || (isObject(value) && isJsonataFunction(value)))
    throw new ExpressionError(path, 'gives a function; call it');
  if (Array.isArray(value)) return value.map((one) => toPlain(one, path));
  // A part of the event is plain, and keeps what it was copied from.
  if (!isObject(value) || isCopy(value)) return value;
  const entries = Object.entries(value).filter(([name]) => name !== '__proto__');
  return Object.fromEntries(entries.map(([name, one]) => [name, toPlain(one, path)]));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
