import { isJsonataFunction, sizeOf } from './value-size.ts';

/** Characters of one text. */
export const longestResult = 1_000_000;

/** A longer text is not padded. */
const longestPadding = 1_000;

/** Stops the evaluation. */
type Fail = (reason: string) => never;

/** What a regular expression of JSONata says of a match. */
type Match = {
  readonly match: string;
  readonly start: number;
  readonly groups: readonly (string | undefined)[];
  readonly next?: Callable;
};
/** A function of JavaScript, or one of JSONata. */
type Callable = { apply(self: unknown, given: readonly unknown[]): unknown };

/**
 * The functions of JSONata whose result may be far larger than what they are given, each stopped before it has made too long a text,
 * and `$distinct`, which would compare each element with each.
 */
export function boundedFunctions(fail: Fail) {
  const tooLong = () => fail('makes a text that is too long');

  function pad(text: string | undefined, width: number, filling?: string): string | undefined {
    if (text === undefined) return undefined;
    if (Math.abs(width) > longestPadding) fail(`pads to more than ${longestPadding} characters`);
    const fill = filling || ' ';
    return width < 0 ? text.padStart(-width, fill) : text.padEnd(width, fill);
  }

  function join(texts: readonly string[] | undefined, given: string | undefined): string | undefined {
    if (texts === undefined) return undefined;
    const separator = given ?? '';
    const length = texts.reduce((sum, one) => sum + one.length, separator.length * (texts.length - 1));
    return length > longestResult ? tooLong() : texts.join(separator);
  }

  function string(value: unknown, isPretty: boolean | undefined): string | undefined {
    if (value === undefined || typeof value === 'string') return value;
    if (typeof value === 'number' && !Number.isFinite(value)) fail('makes text of a number that is infinite');
    if (isFunction(value)) return '';
    const { text, printed } = sizeOf(value);
    if ((isPretty ? printed : text) > longestResult) tooLong();
    const whole = Array.isArray(value) && 'outerWrapper' in value && value.outerWrapper ? value[0] : value;
    return JSON.stringify(whole, (_name, one: unknown) => shown(one), isPretty ? 2 : 0);
  }

  async function replace(
    text: string | undefined,
    pattern: string | Callable,
    replacement: string | Callable,
    limit: number | undefined,
  ): Promise<string | undefined> {
    if (text === undefined) return undefined;
    const most = limit ?? Number.POSITIVE_INFINITY;
    if (pattern === '') fail('replaces an empty text');
    if (most < 0) fail('replaces a negative number of times');
    const made = { parts: [] as string[], length: 0 };
    const add = (part: string) => {
      made.length += part.length;
      if (made.length > longestResult) tooLong();
      made.parts.push(part);
    };
    let position = 0;
    let found = most > 0 ? await firstMatch(pattern, text) : undefined;
    for (let count = 1; found; count += 1) {
      add(text.slice(position, found.start));
      if (typeof pattern === 'string' && typeof replacement === 'string') add(replacement);
      else if (typeof replacement === 'string') for (const part of substituted(replacement, found)) add(part);
      else {
        const given: unknown = await replacement.apply(undefined, [found]);
        add(typeof given === 'string' ? given : fail('replaces by something that is not text'));
      }
      position = found.start + found.match.length;
      found = count < most ? await nextMatch(pattern, text, position, found) : undefined;
    }
    add(text.slice(position));
    return made.parts.join('');
  }

  async function firstMatch(pattern: string | Callable, text: string): Promise<Match | undefined> {
    if (typeof pattern === 'string') return plainMatch(pattern, text, 0);
    return asMatch(await pattern.apply(undefined, [text]));
  }

  async function nextMatch(pattern: string | Callable, text: string, position: number, { next }: Match) {
    if (typeof pattern === 'string') return plainMatch(pattern, text, position);
    return next && asMatch(await next.apply(undefined, []));
  }

  function asMatch(given: unknown): Match | undefined {
    if (given === undefined) return undefined;
    return isMatch(given) ? given : fail('searches by something that is not a regular expression');
  }

  // JSONata checks what a function is given by its signature. For `$join(?, ',')` it reads the names of parameters from the source of
  // the function, and does not understand defaults there.
  return [
    { name: 'pad', run: pad, signature: '<s-ns?:s>' },
    { name: 'join', run: join, signature: '<a<s>s?:s>' },
    { name: 'string', run: string, signature: '<x-b?:s>' },
    { name: 'replace', run: replace, signature: '<s-(sf)(sf)n?:s>' },
    { name: 'distinct', run: distinct, signature: '<x:x>' },
  ] as const;
}

function plainMatch(match: string, text: string, from: number): Match | undefined {
  const start = text.indexOf(match, from);
  return start < 0 ? undefined : { match, start, groups: [] };
}

function isMatch(given: unknown): given is Match {
  const { match, start, groups } = Object(given);
  return typeof match === 'string' && typeof start === 'number' && Array.isArray(groups);
}

/** The replacement of a match: `$0` is the whole, `$1` the first group, `$$` a dollar sign. */
function* substituted(replacement: string, { match, groups }: Match): Iterable<string> {
  const digits = String(Math.max(1, groups.length)).length;
  const reference = new RegExp(String.raw`\$(\$|0|\d{1,${digits}})`, 'g');
  let position = 0;
  for (const { 0: whole, 1: name = '', index } of replacement.matchAll(reference)) {
    yield replacement.slice(position, index);
    position = index + whole.length;
    if (name === '$' || name === '0') yield name === '$' ? '$' : match;
    else {
      // $12 is the first group and a 2 where there are fewer than twelve.
      const isGroup = name.length === 1 || Number(name) <= groups.length;
      const group = isGroup ? name : name.slice(0, -1);
      yield groups[Number(group) - 1] ?? '';
      yield name.slice(group.length);
    }
  }
  yield replacement.slice(position);
}

function isFunction(value: unknown): boolean {
  return (
    typeof value === 'function' || (typeof value === 'object' && value !== null && isJsonataFunction(value))
  );
}

/** As JSONata writes it: functions as empty text, numbers with 15 digits. */
function shown(value: unknown): unknown {
  if (isFunction(value)) return '';
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(15)) : value;
}

function distinct(given: unknown): unknown {
  if (!Array.isArray(given) || given.length <= 1) return given;
  const byText = new Map<string, unknown>();
  for (const one of given) {
    const text = textOfValue(one);
    if (!byText.has(text)) byText.set(text, one);
  }
  // A list of one becomes its element where JSONata itself made the list.
  return Object.assign([...byText.values()], 'sequence' in given && { sequence: true });
}

/** The order of members makes no difference. */
function textOfValue(value: unknown): string {
  return JSON.stringify(value, (_name, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
