import { BlockList, isIP } from 'node:net';
import { InvalidInputError } from '../core/errors.ts';

/**
 * EventBridge event patterns: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * Pure; the rules that a deployment makes of mapping files and the mapping itself read the same pattern.
 */

/** True for an event that the pattern matches. */
export type EventMatcher = (event: unknown) => boolean;

/**
 * Compiles a pattern. As on EventBridge every field must match, a field matches when one of its values does, and a list in the
 * event matches when one of its elements does; the fields of a pattern below a list must match in one element. Numbers are
 * compared as numbers (`300` matches `300.0`, which EventBridge distinguishes).
 * @param path prefix of the field that an error names
 * @throws InvalidInputError naming the path and what EventBridge does not accept there
 */
export function compilePattern(pattern: unknown, path = 'when'): EventMatcher {
  if (!isObject(pattern)) throw new InvalidInputError(path, 'must be an event pattern: a JSON object');
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new InvalidInputError(path, 'must not be an empty object');
  const matchers = entries.map(([name, value]) =>
    name === '$or' && isListOfObjects(value)
      ? compileAlternatives(value, `${path}.$or`)
      : compileField(name, value, `${path}.${name}`),
  );
  // A field below one that is not there, or that is no object, is absent.
  return (event) => matchers.every((matches) => matches(event));
}

function compileAlternatives(alternatives: readonly unknown[], path: string): EventMatcher {
  if (alternatives.length < 2) throw new InvalidInputError(path, 'must have at least two alternatives');
  const matchers = alternatives.map((one, index) => compilePattern(one, `${path}[${index}]`));
  return (event) => matchers.some((matches) => matches(event));
}

function compileField(name: string, value: unknown, path: string): EventMatcher {
  if (Array.isArray(value)) return compileValues(name, value, path);
  if (!isObject(value))
    throw new InvalidInputError(path, 'must be a list of values, e.g. ["ALARM"], or an object of fields');
  const matches = compilePattern(value, path);
  return (event) => {
    const held = fieldOf(event, name);
    if (!Array.isArray(held)) return matches(held);
    const elements = flatten(held);
    return elements.length === 0 ? matches(undefined) : elements.some(matches);
  };
}

/** Looks at one value of an event: text, number, boolean or null. */
type ValueMatcher = (value: unknown) => boolean;

function compileValues(name: string, values: readonly unknown[], path: string): EventMatcher {
  if (values.length === 0) throw new InvalidInputError(path, 'must not be an empty list');
  const allowsAbsence = values.some((value) => isObject(value) && value['exists'] === false);
  const matchers = values.map((value, index) => compileValue(value, `${path}[${index}]`));
  return (event) => {
    const leaves = leavesOf(fieldOf(event, name));
    if (leaves.length === 0) return allowsAbsence;
    return leaves.some((leaf) => matchers.some((matches) => matches(leaf)));
  };
}

function compileValue(value: unknown, path: string): ValueMatcher {
  if (!isObject(value)) {
    if (!isScalar(value)) throw new InvalidInputError(path, 'must be text, a number, true, false or null');
    return (held) => held === value;
  }
  const [operator = '', ...others] = Object.keys(value);
  const compile = Object.hasOwn(operators, operator) ? operators[operator] : undefined;
  if (!compile || others.length > 0)
    throw new InvalidInputError(path, `must be one of the operators ${Object.keys(operators).join(', ')}`);
  return compile(value[operator], `${path}.${operator}`);
}

type Operator = (operand: unknown, path: string) => ValueMatcher;

const prefix: Operator = (operand, path) => affix(operand, path, (held, wanted) => held.startsWith(wanted));
const suffix: Operator = (operand, path) => affix(operand, path, (held, wanted) => held.endsWith(wanted));

const equalsIgnoreCase: Operator = (operand, path) => {
  const wanted = textIn(operand, path).toLowerCase();
  return (held) => typeof held === 'string' && held.toLowerCase() === wanted;
};

const wildcard: Operator = (operand, path) => {
  const parts = splitWildcard(textIn(operand, path), path);
  return (held) => typeof held === 'string' && matchesParts(held, parts);
};

const operators: Readonly<Record<string, Operator>> = {
  prefix,
  suffix,
  'equals-ignore-case': equalsIgnoreCase,
  wildcard,
  numeric,
  cidr,
  exists(operand, path) {
    if (typeof operand !== 'boolean') throw new InvalidInputError(path, 'must be true or false');
    return () => operand;
  },
  'anything-but': anythingBut,
};

function affix(
  operand: unknown,
  path: string,
  compare: (held: string, wanted: string) => boolean,
): ValueMatcher {
  if (isObject(operand)) {
    const wanted = textIn(soleValue(operand, 'equals-ignore-case', path), path).toLowerCase();
    return (held) => typeof held === 'string' && compare(held.toLowerCase(), wanted);
  }
  const wanted = textIn(operand, path);
  return (held) => typeof held === 'string' && compare(held, wanted);
}

/** The operators that `anything-but` may negate; each takes one text or several. */
const negatable: Readonly<Record<string, Operator>> = {
  prefix,
  suffix,
  'equals-ignore-case': equalsIgnoreCase,
  wildcard,
};

function anythingBut(operand: unknown, path: string): ValueMatcher {
  if (isObject(operand)) {
    const [operator = '', ...others] = Object.keys(operand);
    const compile = Object.hasOwn(negatable, operator) ? negatable[operator] : undefined;
    if (!compile || others.length > 0)
      throw new InvalidInputError(path, `must be one of ${Object.keys(negatable).join(', ')}`);
    const refused = listOf(operand[operator], `${path}.${operator}`).map((one) =>
      compile(one, `${path}.${operator}`),
    );
    return (held) => !refused.some((matches) => matches(held));
  }
  const refused = listOf(operand, path);
  const isOfType = (type: 'string' | 'number') => refused.every((one) => typeof one === type);
  if (!isOfType('string') && !isOfType('number'))
    throw new InvalidInputError(path, 'must hold only texts or only numbers');
  return (held) => !refused.includes(held);
}

/** EventBridge compares numbers in this range. */
const largestNumber = 5e9;
const comparisons: Readonly<Record<string, (held: number, bound: number) => boolean>> = {
  '=': (held, bound) => held === bound,
  '<': (held, bound) => held < bound,
  '<=': (held, bound) => held <= bound,
  '>': (held, bound) => held > bound,
  '>=': (held, bound) => held >= bound,
};

function numeric(operand: unknown, path: string): ValueMatcher {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4))
    throw new InvalidInputError(path, 'must be a list such as [">", 0, "<=", 5]');
  const given: readonly unknown[] = operand;
  const bounds = [0, 2].slice(0, given.length / 2).map((at) => {
    const [name, bound] = [given[at], given[at + 1]];
    const compare =
      typeof name === 'string' && Object.hasOwn(comparisons, name) ? comparisons[name] : undefined;
    if (!compare) throw new InvalidInputError(path, 'must compare with =, <, <=, > or >=');
    if (typeof bound !== 'number' || !(Math.abs(bound) <= largestNumber))
      throw new InvalidInputError(path, 'must compare with numbers between -5e9 and 5e9');
    return (held: number) => compare(held, bound);
  });
  const [first, lower, second, upper] = given;
  if (
    given.length === 4 &&
    !(/^>/.test(String(first)) && /^</.test(String(second)) && Number(lower) < Number(upper))
  )
    throw new InvalidInputError(path, 'must give a lower bound and then an upper one that is greater');
  return (held) => typeof held === 'number' && bounds.every((holds) => holds(held));
}

function cidr(operand: unknown, path: string): ValueMatcher {
  const [address = '', bits = '', ...rest] = textIn(operand, path).split('/');
  const family = familyOf(address);
  const longest = family === 'ipv6' ? 128 : 32;
  if (!family || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > longest)
    throw new InvalidInputError(path, 'must be an address block such as 10.0.0.0/24');
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family);
  return (held) => {
    const heldFamily = typeof held === 'string' ? familyOf(held) : undefined;
    return heldFamily === family && typeof held === 'string' && block.check(held, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 6 ? 'ipv6' : 'ipv4';
}

/** The texts between the stars; `\*` and `\\` stand for themselves. */
function splitWildcard(text: string, path: string): readonly string[] {
  const parts = [''];
  let wasStar = false;
  for (let at = 0; at < text.length; at += 1) {
    const isStar = text[at] === '*';
    if (isStar && wasStar) throw new InvalidInputError(path, 'must not have two stars in a row');
    wasStar = isStar;
    if (isStar) {
      parts.push('');
      continue;
    }
    if (text[at] === '\\') {
      at += 1;
      if (text[at] !== '*' && text[at] !== '\\')
        throw new InvalidInputError(path, 'may escape only a star or a backslash');
    }
    parts.push(`${parts.pop() ?? ''}${text[at]}`);
  }
  return parts;
}

/** In linear time: each part is taken at its first place after the one before. */
function matchesParts(held: string, parts: readonly string[]): boolean {
  const [first = '', ...others] = parts;
  if (others.length === 0) return held === first;
  const last = others.pop() ?? '';
  if (held.length < first.length + last.length || !held.startsWith(first) || !held.endsWith(last))
    return false;
  const end = held.length - last.length;
  let at = first.length;
  for (const part of others) {
    const found = held.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function leavesOf(held: unknown): readonly unknown[] {
  if (Array.isArray(held)) return flatten(held).filter(isScalar);
  return isScalar(held) ? [held] : [];
}

function flatten(list: readonly unknown[]): readonly unknown[] {
  return list.some(Array.isArray) ? list.flat(Number.POSITIVE_INFINITY) : list;
}

function fieldOf(event: unknown, name: string): unknown {
  return isObject(event) && Object.hasOwn(event, name) ? event[name] : undefined;
}

function isScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `$or` over anything but objects is a field of that name, as on EventBridge. */
function isListOfObjects(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function listOf(operand: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(operand)) return [operand];
  if (operand.length === 0) throw new InvalidInputError(path, 'must not be an empty list');
  return operand;
}

function soleValue(operand: Readonly<Record<string, unknown>>, name: string, path: string): unknown {
  if (Object.keys(operand).length === 1 && Object.hasOwn(operand, name)) return operand[name];
  throw new InvalidInputError(path, `must be text or { "${name}": text }`);
}

function textIn(operand: unknown, path: string): string {
  if (typeof operand === 'string' && operand !== '') return operand;
  throw new InvalidInputError(path, 'must be text that is not empty');
}
