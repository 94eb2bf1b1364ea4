import {
  command,
  notBlank,
  regionOption,
  stackNameOption,
  stackOption,
  wholeNumber,
} from './command-line.ts';

/** `servicenow-functions dead-letters` */
export const deadLettersCommand = command('dead-letters', 'lists dead letters with their reasons', [
  '',
  '--body',
  '--stack-name servicenow-functions-prod',
])
  .option(
    '--dlq <name or url>',
    'the dead-letter queue (or RECORDS_DLQ_URL); default: that of your local stack',
    notBlank,
  )
  .option(
    '--state-table <name>',
    'holds the reasons of letters that were too large to carry them (or STATE_TABLE)',
    notBlank,
  )
  .option('--limit <n>', 'at most so many (default 100)', wholeNumber(1, 10_000))
  .option('--body', 'shows the messages too')
  .addOption(stackOption)
  .addOption(stackNameOption)
  .addOption(regionOption)
  .option('--json', 'one line of JSON for each letter')
  .addHelpText(
    'after',
    '\nNothing is moved, and no letter is hidden from anyone else. FIFO queues show the first letters of each group only.\n',
  )
  .action(async (options) => {
    const { runDeadLetters } = await import('./queue/dead-letters.ts');
    await runDeadLetters(options);
  });
