import { command, notBlank, regionOption, stackNameOption, stackOption } from './command-line.ts';

/** `servicenow-functions status` */
export const statusCommand = command(
  'status',
  'shows queues, dead letters, imports and their outcomes at a glance',
  [
    '--watch',
    '--stack-name servicenow-functions-prod --watch',
    '--queue <RecordsQueueUrl> --dlq <url> --bucket <name>',
  ],
)
  .option(
    '--queue <name or url>',
    'the records queue (or RECORDS_QUEUE_URL); default: that of your local stack',
    notBlank,
  )
  .option('--dlq <name or url>', 'its dead-letter queue (or RECORDS_DLQ_URL)', notBlank)
  .option('--bucket <name>', 'the import bucket (or IMPORT_BUCKET)', notBlank)
  .option(
    '--state-table <name>',
    'holds the reasons of letters that were too large to carry them (or STATE_TABLE)',
    notBlank,
  )
  .addOption(stackOption)
  .addOption(stackNameOption)
  .addOption(regionOption)
  .option('--watch', 'shows it again every two seconds, until Ctrl-C')
  .option('--json', 'prints one line of JSON')
  .addHelpText('after', '\nIt hides no dead letter from others and changes nothing.\n')
  .action(async (options) => {
    const { runStatus } = await import('./status/run.ts');
    await runStatus(options);
  });
