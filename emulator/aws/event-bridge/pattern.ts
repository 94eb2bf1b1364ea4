import { BlockList, isIP } from 'node:net';
import { AwsError } from '../aws-error.ts';

/** An event, or a part of one. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

type JsonObject = { readonly [key: string]: Json };

/** Whether a value of the event fits; `undefined`: the event has no value there. */
type Matcher = (value: Json | undefined) => boolean;

/**
 * Compiles an EventBridge event pattern. This is deliberately a second implementation, separate from the one that the functions use: each
 * checks the other.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * @throws {AwsError} InvalidEventPatternException
 */
export function compilePattern(text: string): (event: Json) => boolean {
  const pattern = parse(text);
  if (!isObject(pattern)) throw invalid('Filter is not an object');
  return objectMatcher(pattern, 'pattern');
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`Not valid JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function objectMatcher(pattern: JsonObject, path: string): Matcher {
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw invalid(`Empty objects are not allowed at ${path}`);
  const fields = entries.map(([name, wanted]) =>
    name === '$or' ? alternatives(wanted, path) : field(name, wanted, `${path}.${name}`),
  );
  const fits: Matcher = (value) => {
    // Conditions on one object of a list must all hold for the same object.
    if (Array.isArray(value)) return value.length === 0 ? fits(undefined) : value.some(fits);
    const object: Json = isObject(value) ? value : {};
    return fields.every((matches) => matches(object));
  };
  return fits;
}

function field(name: string, wanted: Json, path: string): Matcher {
  const matches = isObject(wanted) ? objectMatcher(wanted, path) : leafMatcher(wanted, path);
  return (object) => matches(isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined);
}

function alternatives(wanted: Json, path: string): Matcher {
  if (!Array.isArray(wanted) || wanted.length < 2 || !wanted.every(isObject))
    throw invalid(`$or must be an array of at least two objects at ${path}`);
  const each = wanted.map((one, index) => objectMatcher(one, `${path}.$or[${index}]`));
  return (object) => each.some((matches) => matches(object));
}

function leafMatcher(wanted: Json, path: string): Matcher {
  if (!Array.isArray(wanted)) throw invalid(`"${path}" must be an object or an array`);
  if (wanted.length === 0) throw invalid(`Empty arrays are not allowed at ${path}`);
  const conditions: Matcher[] = wanted.map((one) => condition(one, path));
  return (value) => {
    const leaves = leavesOf(value);
    if (leaves.length === 0) return conditions.some((matches) => matches(undefined));
    return conditions.some((matches) => leaves.some(matches));
  };
}

/** Lists match when one of their elements does; an object in place of a value counts as no value. */
function leavesOf(value: Json | undefined): (string | number | boolean | null)[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  return value === null || typeof value !== 'object' ? [value] : [];
}

function condition(wanted: Json, path: string): Matcher {
  if (Array.isArray(wanted)) throw invalid(`Arrays of arrays are not allowed at ${path}`);
  if (!isObject(wanted)) return (value) => value === wanted;
  const [[operator, operand] = ['', null], ...more] = Object.entries(wanted);
  if (more.length > 0) throw invalid(`Only one key allowed in match expression at ${path}`);
  const build = Object.hasOwn(operators, operator) ? operators[operator] : undefined;
  if (!build) throw invalid(`Unrecognized match type ${operator} at ${path}`);
  return build(operand, path);
}

const operators: Readonly<Record<string, (operand: Json, path: string) => Matcher>> = {
  prefix: (operand, path) => affix('prefix', operand, path),
  suffix: (operand, path) => affix('suffix', operand, path),
  'equals-ignore-case': (operand, path) => {
    const wanted = text(operand, 'equals-ignore-case', path).toLowerCase();
    return onText((value) => value.toLowerCase() === wanted);
  },
  wildcard: (operand, path) => onText(wildcard(text(operand, 'wildcard', path), path)),
  exists: (operand, path) => {
    if (typeof operand !== 'boolean') throw invalid(`exists match pattern must be true or false at ${path}`);
    return (value) => (value !== undefined) === operand;
  },
  cidr: (operand, path) => cidr(text(operand, 'cidr', path), path),
  numeric: numericRange,
  'anything-but': anythingBut,
};

function affix(kind: 'prefix' | 'suffix', operand: Json, path: string): Matcher {
  const matches = (value: string, wanted: string) =>
    kind === 'prefix' ? value.startsWith(wanted) : value.endsWith(wanted);
  if (isObject(operand) && Object.keys(operand).join() === 'equals-ignore-case') {
    const wanted = text(operand['equals-ignore-case'] ?? null, kind, path).toLowerCase();
    return onText((value) => matches(value.toLowerCase(), wanted));
  }
  const wanted = text(operand, kind, path);
  return onText((value) => matches(value, wanted));
}

/** `*` stands for any number of characters; `\*` and `\\` for the characters themselves. */
function wildcard(pattern: string, path: string): (value: string) => boolean {
  const parts: string[] = [];
  let part = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index];
    if (character === '*') {
      if (pattern[index + 1] === '*')
        throw invalid(`Consecutive wildcard characters are not allowed at ${path}`);
      parts.push(part);
      part = '';
      continue;
    }
    if (character === '\\' && !['*', '\\'].includes(pattern[++index] ?? ''))
      throw invalid(`Invalid escape character at ${path}`);
    part += pattern[index];
  }
  parts.push(part);
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return (value) => value === first;
  const last = rest.pop() ?? '';
  return (value) => {
    if (value.length < first.length + last.length) return false;
    if (!value.startsWith(first) || !value.endsWith(last)) return false;
    let from = first.length;
    for (const part of rest) {
      const at = value.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return from <= value.length - last.length;
  };
}

const comparisons: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '=': (value, limit) => value === limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
};

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-numeric-matching */
const LARGEST_NUMBER = 5e9;

/** One comparison, or a lower bound and then an upper one. */
function numericRange(operand: Json, path: string): Matcher {
  const [first, low, second, high, ...more] = Array.isArray(operand) ? operand : [];
  const lower = comparison(first, low, path);
  const onNumber =
    (check: (value: number) => boolean): Matcher =>
    (value) =>
      typeof value === 'number' && check(value);
  if (second === undefined) return onNumber(lower);
  if (more.length > 0 || !String(first).startsWith('>') || !String(second).startsWith('<'))
    throw invalid(`Too many or wrong terms in numeric range expression at ${path}`);
  const upper = comparison(second, high, path);
  if (Number(low) >= Number(high)) throw invalid(`Bottom must be less than top at ${path}`);
  return onNumber((value) => lower(value) && upper(value));
}

function comparison(
  name: Json | undefined,
  limit: Json | undefined,
  path: string,
): (value: number) => boolean {
  const compare = Object.hasOwn(comparisons, String(name)) ? comparisons[String(name)] : undefined;
  if (!compare) throw invalid(`Unrecognized numeric range operator: ${name} at ${path}`);
  if (typeof limit !== 'number') throw invalid(`Value of numeric match must be a number at ${path}`);
  if (Math.abs(limit) > LARGEST_NUMBER) throw invalid(`Value must be between -5.0e9 and +5.0e9 at ${path}`);
  return (value) => compare(value, limit);
}

function cidr(range: string, path: string): Matcher {
  const [address = '', prefix = ''] = range.split('/');
  const version = isIP(address);
  const bits = Number(prefix);
  if (version === 0 || !/^\d{1,3}$/.test(prefix) || bits > (version === 4 ? 32 : 128))
    throw invalid(`Malformed CIDR, one of network or prefix is wrong at ${path}`);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(address, bits, family);
  return onText((value) => isIP(value) === version && block.check(value, family));
}

/** A value that is there and is none of those named. */
function anythingBut(operand: Json, path: string): Matcher {
  if (isObject(operand)) {
    const [[operator, inner] = ['', null], ...more] = Object.entries(operand);
    const known = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(operator);
    const build = operators[operator];
    if (!known || !build || more.length > 0) throw invalid(`Unsupported anything-but pattern at ${path}`);
    const refused: Matcher[] = asList(inner, path).map((one) => build(one, path));
    return (value) => value !== undefined && !refused.some((matches) => matches(value));
  }
  const refused = asList(operand, path);
  if (!refused.every((one) => typeof one === 'string') && !refused.every((one) => typeof one === 'number'))
    throw invalid(`Inside anything-but list, either all values are strings or all are numbers at ${path}`);
  return (value) => value !== undefined && !refused.some((one) => one === value);
}

function asList(operand: Json | undefined, path: string): readonly Json[] {
  const items: readonly Json[] = Array.isArray(operand) ? operand : [operand ?? null];
  if (items.length === 0) throw invalid(`Empty arrays are not allowed at ${path}`);
  return items;
}

function onText(matches: (value: string) => boolean): Matcher {
  return (value) => typeof value === 'string' && matches(value);
}

function text(operand: Json, operator: string, path: string): string {
  if (typeof operand === 'string' && operand !== '') return operand;
  throw invalid(`${operator} match pattern must be a non-empty string at ${path}`);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string): AwsError {
  return new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${reason}`);
}
