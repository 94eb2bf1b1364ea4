import { command, stackOption, wholeNumber } from './command-line.ts';

/** `servicenow-functions break` */
export const breakCommand = command(
  'break',
  'breaks the emulated instance of your local stack, for a while',
  ['outage --for 60', 'lost-answers --count 5', 'off'],
)
  .argument(
    '[what]',
    'outage, 429, lost-answers, late-commits, expired-tokens or slow; off ends them all; nothing lists them',
  )
  .option('--for <seconds>', 'ends by itself (default 30)', wholeNumber(1, 86_400))
  .option('--count <n>', 'breaks so many requests instead', wholeNumber(1, 1_000_000))
  .option('--percent <n>', 'breaks this share of the requests (default 100)', wholeNumber(1, 100))
  .addOption(stackOption)
  .option('--json', 'prints the faults as JSON')
  .addHelpText('after', '\nWatch what the functions do about it in the lines of the running stack.\n')
  .action(async (what, options) => {
    const { runBreak } = await import('./break/run.ts');
    await runBreak(what, options);
  });
