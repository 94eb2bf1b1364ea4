import { type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

/** The error of a parser in words: `value expected`. */
export function errorText({ error }: ParseError): string {
  const code = printParseErrorCode(error);
  if (code === 'EndOfFileExpected') return 'text behind its end';
  return code.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).toLowerCase();
}

/** Advice where the text has strings in single quotes, to follow what is wrong with it; '' elsewhere. */
export function quoteHint(text: string): string {
  return /[{[,:]\s*'/.test(text.replaceAll(/"(?:[^"\\]|\\.)*"?/gs, ''))
    ? "; JSON strings use double quotes, not single ones (')"
    : '';
}

/** What keeps one line from being JSON, and where: `value expected at column 5`; undefined when that cannot be determined. */
export function lineProblem(line: string): string | undefined {
  const errors: ParseError[] = [];
  try {
    parseTree(line, errors, { disallowComments: true });
  } catch (error) {
    // What nests too deep between comments and odd quotes.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const [first] = errors;
  return first && `${errorText(first)} at column ${first.offset + 1}${quoteHint(line)}`;
}
