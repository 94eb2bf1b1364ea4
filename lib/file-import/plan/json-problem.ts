import { type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

/** The error of a parser in words: `value expected`. */
export function errorText({ error }: ParseError): string {
  const code = printParseErrorCode(error);
  if (code === 'EndOfFileExpected') return 'text behind its end';
  return code.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).toLowerCase();
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
  return first && `${errorText(first)} at column ${first.offset + 1}`;
}
