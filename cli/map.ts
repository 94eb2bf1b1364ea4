import { Option } from '@commander-js/extra-typings';
import { command, notBlank, onFunctionsNode } from './command-line.ts';

/** `servicenow-functions map` */
export const mapCommand = command('map', 'tries the mapping files of events', [
  'mappings/samples/cpu-alarm.json',
  'event.json --current resolved',
  '--test',
])
  .argument(
    '[event]',
    'an event as it would come to the events queue: JSON, a file of it, or - for standard input',
  )
  .addOption(
    new Option('--current <phase>', 'the record that there is already (default none)').choices([
      'none',
      'open',
      'resolved',
      'closed',
    ]),
  )
  .option(
    '--instance <secret>',
    'looks at the record on an instance: id of its secret, or a JSON file',
    notBlank,
  )
  .option('--allowed-hosts <list>', 'hosts outside ServiceNow’s own domains, with --instance', notBlank)
  .option('--correlation-id-tables <list>', 'the param correlationIdTables, with --instance', notBlank)
  .option('--deployment <name>', 'service and stage (default servicenow-functions/dev)', notBlank)
  .option(
    '--folder <folder>',
    'where the mapping files are (default mappings; where there is none, those of the program)',
    notBlank,
  )
  .option('--test', 'runs the sequences of *.test.yaml against an emulated instance')
  .option('--check', 'compiles the files and says what looks wrong')
  .option('--json', 'prints what it finds as one JSON object')
  .option('--rules', 'prints the EventBridge rules as CloudFormation')
  .addHelpText('after', '\nNothing is written, and nothing is sent but the reads of --instance.\n')
  .action(
    onFunctionsNode(async (event, options) => {
      const { runMap } = await import('./map/run.ts');
      await runMap(event, options);
    }),
  );
