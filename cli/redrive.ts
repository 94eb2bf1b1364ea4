import {
  command,
  list,
  notBlank,
  regionOption,
  stackNameOption,
  stackOption,
  wholeNumber,
} from './command-line.ts';

/** `servicenow-functions redrive` */
export const redriveCommand = command('redrive', 'moves dead letters back to their queue', [
  '--code DATA_POLICY --dry-run',
  '--stack-name servicenow-functions-prod --dry-run',
  '--dlq <url> --queue <RecordsQueueUrl>',
])
  .option(
    '--dlq <name or url>',
    'the dead-letter queue (or RECORDS_DLQ_URL); default: that of your local stack',
    notBlank,
  )
  .option('--queue <name or url>', 'the queue that they go back to (or RECORDS_QUEUE_URL)', notBlank)
  .option('--code <codes>', 'only letters with these error codes, comma separated', list)
  .option(
    '--state-table <name>',
    'holds the reasons of letters that were too large to carry them (or STATE_TABLE)',
    notBlank,
  )
  .option(
    '--trusted-senders <ids>',
    'passes on who sent a message first, as letters of these roles say, comma separated: WriteRecordsRoleId of the stack',
    list,
  )
  .option(
    '--wait <seconds>',
    'waits so long after the last move for letters that fail again, while the queue holds any message (default 20)',
    wholeNumber(0, 3_600),
  )
  .option('--dry-run', 'counts the letters by code and moves nothing')
  .addOption(stackOption)
  .addOption(stackNameOption)
  .addOption(regionOption)
  .option('--json', 'prints the report as JSON')
  .addHelpText(
    'after',
    '\nLetters keep their keys, so that nothing is written twice. Ctrl-C shows those again that were only looked at.\n',
  )
  .action(async (options) => {
    const { runRedrive } = await import('./redrive/run.ts');
    await runRedrive(options);
  });
