/** A shorter text is too likely another writer's own. */
const shortestPrefix = 32;

/** True when an instance may have stored this text for that one: it changes blanks and markup, and cuts what is too long. */
export function isSameText(stored: string, sent: string): boolean {
  const [found, wanted] = [normalise(stored), normalise(sent)];
  if (found === wanted) return true;
  const start = found.replace(/(?:&[a-z#0-9]{0,5}|\uFFFD)$/i, '').trimEnd();
  return start.length >= shortestPrefix && wanted.startsWith(start);
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#x27': "'",
};

/** Line ends, outer blanks, control characters and escaped markup may change on the way into a journal. */
export function normalise(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/&(amp|lt|gt|quot|#39|#x27);/g, (whole, name: string) => entities[name] ?? whole)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
