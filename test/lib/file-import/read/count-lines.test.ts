import { expect, it } from 'vitest';
import { countLines } from '../../../../lib/file-import/read/count-lines.ts';

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}

it.each([
  ['nothing', [], 1],
  ['LF', ['a\nb', '\nc'], 3],
  ['CRLF', ['a\r\nb\r\n', 'c'], 3],
  ['CR', ['a\rb\r', 'c'], 3],
  ['a line break in quotes, which is one more', ['"a\nb"\nc'], 3],
])('counts lines that end in %s', async (_, texts, lines) => {
  expect(await countLines(pieces(...texts), () => false)).toBe(lines);
});

it('ends without a count when it takes too long', async () => {
  expect(await countLines(pieces('a\n'), () => true)).toBeUndefined();
});
