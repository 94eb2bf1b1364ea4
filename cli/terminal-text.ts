/** Without what a terminal acts on: control characters, and those that turn the direction of text. For what others wrote. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
}

/** Whether what was printed can be printed over. */
export function canMoveCursor(output: NodeJS.WriteStream): boolean {
  return output.isTTY && process.env['TERM'] !== 'dumb';
}

const graphemes = new Intl.Segmenter();
/** East Asian characters and emoji take two columns. */
const isWide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

/** A line as lines of at most so many columns, broken at blanks where there are some; those that follow are indented by four more. */
export function wrapped(line: string, columns: number): readonly string[] {
  const own = /^ */.exec(line)?.[0].length ?? 0;
  const indent = ' '.repeat(Math.min(own + 4, Math.floor(columns / 3)));
  const lines: string[] = [];
  let [current, width, blankAt] = ['', 0, 0];
  for (const { segment } of graphemes.segment(line)) {
    const size = isWide.test(segment) ? 2 : 1;
    if (width + size > columns) {
      const at = blankAt > indent.length ? blankAt : current.length;
      lines.push(current.slice(0, at).trimEnd());
      current = indent + current.slice(at).trimStart();
      [width, blankAt] = [widthOf(current), 0];
    }
    current += segment;
    width += size;
    if (segment === ' ') blankAt = current.length;
  }
  return [...lines, current];
}

function widthOf(text: string): number {
  return [...graphemes.segment(text)].reduce((sum, { segment }) => sum + (isWide.test(segment) ? 2 : 1), 0);
}
