/** A command line that cannot be understood. */
export class UsageError extends Error {
  override name = 'UsageError' as const;
}

/**
 * Runs a command. An error is shown as one line, without a stack trace. The exit code is 2 for a command line that cannot be
 * understood, which also shows the usage, and 1 for every other error.
 * @param usage what `--help` prints
 * @param explain the line for an error @default its message
 */
export async function runCommand(
  usage: string,
  main: () => Promise<void>,
  explain: (error: unknown) => string = messageOf,
): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  try {
    await main();
  } catch (error) {
    const misused = isMisuse(error);
    process.stderr.write(misused ? `${messageOf(error)}\n\n${usage}` : `${explain(error)}\n`);
    process.exitCode = misused ? 2 : 1;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True also for what `parseArgs` throws. */
function isMisuse(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
