import { parseArgs } from 'node:util';
import type { StackPorts } from '../../emulator/stack/stack.ts';

export const HELP = `Runs the packaged functions and everything around them on this machine.

  npm start -- [options]

  --port <n>                  HTTP API (default 4600)
  --instance-port <n>         ServiceNow instance emulator (default 4601)
  --sqs-port <n>              SQS (default 4602)
  --s3-port <n>               S3 (default 4603)
  --lambda-port <n>           Lambda API, for Invoke (default 4604)
  --secrets-manager-port <n>  Secrets Manager (default 4605)
  --dynamodb-port <n>         DynamoDB (default 4606)
  --data-dir <folder>         where everything is kept (default .local/data)
  --json                      free ports, a fresh folder, and one line of JSON when all is ready
  --logs                      show what the functions write
  --control                   let the instance be broken and looked into at /__emulator/ (faults, clock, ledger, snapshot)
  --help

A port of 0 takes any free one. Everything listens on 127.0.0.1 only; nothing asks for a signature.
`;

const DEFAULT_FOLDER = '.local/data';
const DEFAULT_PORTS = {
  api: 4600,
  instance: 4601,
  sqs: 4602,
  s3: 4603,
  lambda: 4604,
  secretsManager: 4605,
  dynamodb: 4606,
};

const options = {
  port: { type: 'string' },
  'instance-port': { type: 'string' },
  'sqs-port': { type: 'string' },
  's3-port': { type: 'string' },
  'lambda-port': { type: 'string' },
  'secrets-manager-port': { type: 'string' },
  'dynamodb-port': { type: 'string' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean', default: false },
  logs: { type: 'boolean', default: false },
  control: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export type StartArguments = {
  readonly ports: StackPorts;
  /** `undefined`: a fresh one that goes with the run. */
  readonly dataFolder: string | undefined;
  readonly json: boolean;
  readonly logs: boolean;
  readonly control: boolean;
};

/**
 * Reads the command line; `help` when that is what was asked for.
 * @throws {Error} naming an option that is unknown or a port that is none
 */
export function readArguments(args: readonly string[]): StartArguments | 'help' {
  const { values } = parseArgs({ options, args: [...args] });
  if (values.help) return 'help';
  const fallback = (name: keyof typeof DEFAULT_PORTS) => (values.json ? 0 : DEFAULT_PORTS[name]);
  return {
    ports: {
      api: port('--port', values.port, fallback('api')),
      instance: port('--instance-port', values['instance-port'], fallback('instance')),
      sqs: port('--sqs-port', values['sqs-port'], fallback('sqs')),
      s3: port('--s3-port', values['s3-port'], fallback('s3')),
      lambda: port('--lambda-port', values['lambda-port'], fallback('lambda')),
      secretsManager: port(
        '--secrets-manager-port',
        values['secrets-manager-port'],
        fallback('secretsManager'),
      ),
      dynamodb: port('--dynamodb-port', values['dynamodb-port'], fallback('dynamodb')),
    },
    dataFolder: values['data-dir'] ?? (values.json ? undefined : DEFAULT_FOLDER),
    json: values.json,
    logs: values.logs,
    control: values.control,
  };
}

function port(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= 65_535) return number;
  throw new Error(`${option} must be a port from 0 to 65535, not ${text}`);
}
