/**
 * The words after the name of a script that has no options. `--help` prints the usage and ends the process; what the script does not know ends
 * it with the exit code 2, before it has done anything.
 * @param usage one or more lines
 * @param known words that may be given, or what says whether one may
 */
export function readScriptArguments(
  usage: string,
  known: readonly string[] | ((word: string) => boolean) = [],
): readonly string[] {
  const words = process.argv.slice(2);
  if (words.includes('--help') || words.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const isKnown = typeof known === 'function' ? known : (word: string) => known.includes(word);
  const unknown = words.find((word) => !isKnown(word));
  if (unknown === undefined) return words;
  process.stderr.write(`${unknown}: is not known\n\n${usage}\n`);
  process.exit(2);
}
