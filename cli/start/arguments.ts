import { parseArgs } from 'node:util';
import type { StackPorts } from '../../emulator/stack/stack.ts';
import { UsageError } from '../command-line.ts';

/** Everything that listens: its option, its default port, and its name in errors. */
const listeners = {
  api: { option: 'port', port: 4600, service: 'HTTP API' },
  instance: { option: 'instance-port', port: 4601, service: 'ServiceNow instance' },
  sqs: { option: 'sqs-port', port: 4602, service: 'SQS' },
  s3: { option: 's3-port', port: 4603, service: 'S3' },
  lambda: { option: 'lambda-port', port: 4604, service: 'Lambda' },
  secretsManager: { option: 'secrets-manager-port', port: 4605, service: 'Secrets Manager' },
  dynamodb: { option: 'dynamodb-port', port: 4606, service: 'DynamoDB' },
} as const satisfies Record<keyof StackPorts, { option: string; port: number; service: string }>;

const portLines = Object.values(listeners).map(
  ({ option, port, service }) => `  --${`${option} <n>`.padEnd(26)}${service} (default ${port})`,
);

export const HELP = `Runs the packaged functions and everything around them on this machine.

  npm start -- [options]

${portLines.join('\n')}
  --data-dir <folder>         keeps all state, over restarts too (default .local/data)
  --json                      free ports, a fresh folder, and one line of JSON when everything is ready
  --logs                      prints what the functions log
  --tables <list>             tables that callers may use, comma separated; * = all (default: allowedTables in serverless.yml)
  --control                   serves /__emulator/ on the instance: faults, limits, outages, clock, ledger, snapshot
  --help

Port 0 picks a free port. Everything listens on 127.0.0.1 only; requests need no signature.

  npm start -- --port 8080 --logs
`;

const DEFAULT_FOLDER = '.local/data';

const options = {
  port: { type: 'string' },
  'instance-port': { type: 'string' },
  'sqs-port': { type: 'string' },
  's3-port': { type: 'string' },
  'lambda-port': { type: 'string' },
  'secrets-manager-port': { type: 'string' },
  'dynamodb-port': { type: 'string' },
  'data-dir': { type: 'string' },
  tables: { type: 'string' },
  json: { type: 'boolean', default: false },
  logs: { type: 'boolean', default: false },
  control: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export type StartArguments = {
  readonly ports: StackPorts;
  /** `undefined`: a fresh one that goes with the run. */
  readonly dataFolder: string | undefined;
  /** `undefined`: those of serverless.yml. */
  readonly tables: string | undefined;
  readonly json: boolean;
  readonly logs: boolean;
  readonly control: boolean;
};

/**
 * Reads the command line.
 * @throws {Error} naming an option that is unknown or a value that is not one
 */
export function readArguments(args: readonly string[]): StartArguments {
  const { values } = parseArgs({ options, args: [...args] });
  const port = ({ option, port: fixed }: (typeof listeners)[keyof StackPorts]) =>
    portNumber(option, values[option], values.json ? 0 : fixed);
  return {
    ports: {
      api: port(listeners.api),
      instance: port(listeners.instance),
      sqs: port(listeners.sqs),
      s3: port(listeners.s3),
      lambda: port(listeners.lambda),
      secretsManager: port(listeners.secretsManager),
      dynamodb: port(listeners.dynamodb),
    },
    dataFolder: folder(values['data-dir']) ?? (values.json ? undefined : DEFAULT_FOLDER),
    tables: tableList(values.tables),
    json: values.json,
    logs: values.logs,
    control: values.control,
  };
}

/** The option that moves a service to another port. */
export function portOption(service: string): string {
  const found = Object.values(listeners).find((listener) => listener.service === service);
  return `--${found?.option ?? 'port'}`;
}

function portNumber(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= 65_535) return number;
  throw new UsageError(`--${option} must be a port from 0 to 65535, not ${text || "''"}`);
}

function folder(text: string | undefined): string | undefined {
  if (text?.trim() === '') throw new UsageError("--data-dir must name a folder, not ''");
  return text;
}

function tableList(text: string | undefined): string | undefined {
  if (text === undefined || /^\s*(?:\*|\w+(?:\s*,\s*\w+)*)\s*$/.test(text)) return text;
  throw new UsageError(`--tables must be names of tables, comma separated, or '*', not '${text}'`);
}
