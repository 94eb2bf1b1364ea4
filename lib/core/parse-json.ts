/** Deeper values cannot be parsed and written safely, and no column holds such a value. */
export const maxDepth = 100;

/** What is said of text or a value that nests deeper. */
export const tooDeep = `is nested more than ${maxDepth} levels deep`;

/** True when JSON text nests deeper than can be parsed and written without exhausting the stack. */
export function isTooDeepText(text: string): boolean {
  let depth = 0;
  // Text without its last quote goes to the end: else it would be read again from each quote inside.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[\]{}]/gs)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** Digits that a double may not hold, or an exponent beyond it; only then is it worth looking at every value. */
const mayBeInexact = /\d{16}|e\+?\d{3}/i;

/**
 * Parses JSON without loss: a number that a JavaScript number cannot hold exactly becomes its source text. ServiceNow stores
 * every value as text, so that both mean the same there.
 * @throws SyntaxError as JSON.parse does
 */
export function parseJson(text: string): unknown {
  return mayBeInexact.test(text) ? JSON.parse(text, keepExact) : JSON.parse(text);
}

function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const isExact = Number.isInteger(value)
    ? Number.isSafeInteger(value)
    : significantDigits(context.source) < 16;
  return isExact && Number.isFinite(value) ? value : context.source;
}

function significantDigits(source: string): number {
  return source.replace(/e.*$/i, '').replaceAll(/[-.]/g, '').replace(/^0+/, '').length;
}
