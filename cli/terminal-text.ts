/** Without what a terminal acts on: control characters, and those that turn the direction of text. For what others wrote. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
}

/** Whether what was printed can be printed over. */
export function canMoveCursor(output: NodeJS.WriteStream): boolean {
  return output.isTTY && process.env['TERM'] !== 'dumb';
}
