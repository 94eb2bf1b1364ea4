import { command, notBlank, onFunctionsNode, port, tableList, wholeNumber } from './command-line.ts';
import { defaultPorts, lastPortBase } from './start/ports.ts';

/** `servicenow-functions start` */
export const startCommand = command(
  'start',
  'runs the functions and everything around them on this machine',
  ['--port 8080 --logs', '--data-dir .local/second --port-base 4700'],
)
  .option('--port <n>', `HTTP API (default ${defaultPorts.port})`, port)
  .option('--instance-port <n>', `ServiceNow instance (default ${defaultPorts.instancePort})`, port)
  .option('--sqs-port <n>', `SQS (default ${defaultPorts.sqsPort})`, port)
  .option('--s3-port <n>', `S3 (default ${defaultPorts.s3Port})`, port)
  .option('--lambda-port <n>', `Lambda (default ${defaultPorts.lambdaPort})`, port)
  .option('--secrets-manager-port <n>', `Secrets Manager (default ${defaultPorts.secretsManagerPort})`, port)
  .option('--dynamodb-port <n>', `DynamoDB (default ${defaultPorts.dynamodbPort})`, port)
  .option('--event-bridge-port <n>', `EventBridge (default ${defaultPorts.eventBridgePort})`, port)
  .option('--sns-port <n>', `SNS (default ${defaultPorts.snsPort})`, port)
  .option('--cloud-watch-port <n>', `CloudWatch (default ${defaultPorts.cloudWatchPort})`, port)
  .option('--security-hub-port <n>', `Security Hub (default ${defaultPorts.securityHubPort})`, port)
  .option('--page-port <n>', `page in the browser (default ${defaultPorts.pagePort})`, port)
  .option(
    '--port-base <n>',
    `moves all ports at once: the first of them (default ${defaultPorts.port}), for a second stack`,
    wholeNumber(1, lastPortBase),
  )
  .option('--data-dir <folder>', 'keeps all state, over restarts too (default .local/data)', notBlank)
  .option('--json', 'free ports, a fresh folder, and one line of JSON when everything is ready')
  .option('--quiet', 'prints no line for each event')
  .option('--logs', 'prints what the functions log, as JSON')
  .option(
    '--secret <file>',
    'runs against your own instance: a JSON file as docs/credentials.md describes it',
    notBlank,
  )
  .option(
    '--allowed-hosts <list>',
    'hosts of your own instance outside ServiceNow’s domains, comma separated',
    notBlank,
  )
  .option('--schema <file>', 'adds tables and columns to the emulated instance, JSON', notBlank)
  .option('--data <file>', 'adds rows to a fresh emulated instance, JSON', notBlank)
  .option(
    '--tables <list>',
    'tables that callers may use, comma separated; * = all (default: allowedTables in serverless.yml)',
    tableList,
  )
  .option(
    '--control',
    'serves /__emulator/ on the instance: faults, limits, outages, clock, ledger, snapshot',
  )
  .addHelpText(
    'after',
    '\nPort 0 takes a free port. Everything listens on 127.0.0.1 only; requests need no signature.\n',
  )
  .action(
    onFunctionsNode(async (options) => {
      const { start } = await import('./start/run.ts');
      await start(options);
    }),
  );
