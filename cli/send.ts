import { command, notBlank, regionOption, stackNameOption, stackOption } from './command-line.ts';

/** `servicenow-functions send` */
export const sendCommand = command('send', 'sends a message that becomes a record', [
  `'{"table":"incident","key":"alarm-7","record":{"short_description":"Disk full"}}'`,
  'messages.jsonl --queue <RecordsQueueUrl>',
])
  .argument('<message>', 'JSON, a file of JSON or of one message a line (.jsonl), or - for standard input')
  .option(
    '--queue <name or url>',
    'the records queue (or RECORDS_QUEUE_URL); default: that of your local stack',
    notBlank,
  )
  .option('--group <id>', 'message group, for a FIFO queue', notBlank)
  .addOption(stackOption)
  .addOption(stackNameOption)
  .addOption(regionOption)
  .option('--json', 'prints the ids of the messages as JSON')
  .addHelpText('after', '\nEvery message is checked before the first one is sent.\n')
  .action(async (message, options) => {
    const { runSend } = await import('./queue/send.ts');
    await runSend(message, options);
  });
