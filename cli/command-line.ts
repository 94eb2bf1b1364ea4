/**
 * Runs a tool of the command line. What goes wrong is told in a line, without a stack; the exit code is then 2 for options that
 * it does not have, else 1.
 * @param usage what `--help` prints
 */
export async function runCommand(usage: string, main: () => Promise<void>): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  try {
    await main();
  } catch (error) {
    const misused = isMisuse(error);
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(misused ? `${reason}\n\n${usage}` : `${reason}\n`);
    process.exitCode = misused ? 2 : 1;
  }
}

/** True for what `parseArgs` throws. */
function isMisuse(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
