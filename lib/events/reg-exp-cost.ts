/**
 * How long a regular expression may run, by its structure: engines try every way in which its parts can share a text. A bound, not an
 * estimate: a linear-time engine would need none, but is larger than all of `map-events`, and few mapping files have an expression.
 */

/** In how many ways a part can match a text: `degree` of its parts take any number of characters, and for each division there are `ways`. */
type Cost = { readonly ways: number; readonly degree: number; readonly length: number };

export type RegExpCost = Cost & {
  /** A part that can match in several ways is repeated: the ways multiply with each repetition. */
  readonly isNested: boolean;
  /** A back reference or a look-around, which this does not follow. */
  readonly hasReference: boolean;
};

/** `length`: the characters that each way may look at between two choices. */
export function costOf({ source, flags }: Pick<RegExp, 'source' | 'flags'>): RegExpCost {
  // Characters of a class and escaped ones mean nothing here.
  const bare = source
    .replaceAll(/\\[1-9k]/g, '\u0001')
    .replaceAll(/\\./gs, 'x')
    .replaceAll(/\[[^\]]*\]/g, 'x');
  const reader = { text: bare, at: 0, isNested: false };
  const { isAnchored, ...cost } = readAlternatives(reader);
  // Without an anchor it is tried from each character on; with the flag m from each line on.
  const starts = isAnchored && !flags.includes('m') ? 0 : 1;
  return {
    ...cost,
    degree: cost.degree + starts,
    isNested: reader.isNested,
    hasReference: bare.includes('\u0001') || /\(\?<?[=!]/.test(bare),
  };
}

/** More steps take seconds: an expression is interpreted until it has run once. */
const mostSteps = 1.2e7;
/** So many characters in a row are compared in about one step; those of a counted repetition one by one. */
const charactersOfStep = 8;
const longestText = 100_000;

/** The longest text that an expression of this cost is tried on, in characters. */
export function longestTextOf({ ways, degree, length }: Cost): number {
  const most = mostSteps / ways / Math.max(1, length / charactersOfStep);
  if (degree === 0) return most < 1 ? 0 : longestText;
  // Parts share a text in order: of n characters so many have n ** degree / degree! places.
  let orders = 1;
  for (let one = 2; one <= degree; one += 1) orders *= one;
  return Math.max(0, Math.min(longestText, Math.floor((most * orders) ** (1 / degree)) - degree));
}

type Reader = { readonly text: string; at: number; isNested: boolean };

/** Up to the end of the group or of the expression. */
function readAlternatives(reader: Reader): Cost & { readonly isAnchored: boolean } {
  const all: Cost[] = [];
  let isAnchored = true;
  do {
    if (all.length > 0) reader.at += 1;
    isAnchored &&= reader.text[reader.at] === '^';
    all.push(readSequence(reader));
  } while (reader.text[reader.at] === '|');
  return {
    ways: all.reduce((sum, { ways }) => sum + ways, 0),
    degree: Math.max(...all.map(({ degree }) => degree)),
    length: Math.max(...all.map(({ length }) => length)),
    isAnchored,
  };
}

function readSequence(reader: Reader): Cost {
  let whole: Cost = { ways: 1, degree: 0, length: 0 };
  while (reader.at < reader.text.length && !'|)'.includes(reader.text[reader.at] ?? '')) {
    const atom = readAtom(reader);
    const { least, most } = readQuantifier(reader);
    if (most > 1 && (atom.ways > 1 || atom.degree > 0)) reader.isNested = true;
    const isEndless = most === Number.POSITIVE_INFINITY;
    whole = {
      ways: whole.ways * atom.ways * (isEndless ? 1 : Math.max(1, most - least + 1)),
      degree: whole.degree + atom.degree + (isEndless ? 1 : 0),
      length: whole.length + atom.length * (least > 1 ? least * charactersOfStep : 1),
    };
  }
  return whole;
}

function readAtom(reader: Reader): Cost {
  const isGroup = reader.text[reader.at] === '(';
  reader.at += 1;
  if (!isGroup) return { ways: 1, degree: 0, length: 1 };
  // (?: and (?<name> repeat nothing.
  if (reader.text[reader.at] === '?') reader.at += 1;
  const inner = readAlternatives(reader);
  reader.at += 1;
  return inner;
}

/** How often the part before is repeated; a second `?` only changes the order of trying. */
function readQuantifier(reader: Reader): { readonly least: number; readonly most: number } {
  const [found = '', sign, least = '', comma, most = ''] =
    /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(reader.text.slice(reader.at, reader.at + 40)) ?? [];
  reader.at += found.length;
  if (found === '') return { least: 1, most: 1 };
  if (sign !== undefined)
    return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : Number.POSITIVE_INFINITY };
  if (comma && most === '') return { least: Number(least), most: Number.POSITIVE_INFINITY };
  return { least: Number(least), most: Number(most || least) };
}
