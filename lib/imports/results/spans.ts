/** Small groups, with which every load begins, are settled alone, so that a file that is wrong throughout is found out early. */
const settledAlone = 5;

/**
 * Groups that are settled together: from `first` up to, not including, `end`. After the small ones they are settled in
 * pairs, whose part of `results.csv` is large enough, as a rule, for S3 to copy it by itself. Where a span ends depends on
 * nothing but its number, so that a repeated attempt writes the same objects.
 */
export type Span = { readonly first: number; readonly end: number };

/** The span that begins with `first`; the last one of an import may end before its pair is whole. */
export function spanFrom(first: number, groups: number): Span {
  return { first, end: Math.min(wholeEnd(first), groups) };
}

/** True when no group can join it any more. */
export function isWhole({ first, end }: Span): boolean {
  return end === wholeEnd(first);
}

/** The numbers of its groups. */
export function groupsOf({ first, end }: Span): number[] {
  return Array.from({ length: end - first }, (_, n) => first + n);
}

/** All groups below `groups`, by spans. */
export function* spansBelow(groups: number): Generator<Span> {
  for (let first = 0; first < groups; first = wholeEnd(first)) yield spanFrom(first, groups);
}

function wholeEnd(first: number): number {
  return first < settledAlone ? first + 1 : first + 2 - ((first - settledAlone) % 2);
}
