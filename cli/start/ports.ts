import type { StackPorts } from '../../emulator/stack/stack.ts';

/** Everything that listens, by its option, with the port that it has without one. */
export const defaultPorts = {
  port: 4600,
  instancePort: 4601,
  sqsPort: 4602,
  s3Port: 4603,
  lambdaPort: 4604,
  secretsManagerPort: 4605,
  dynamodbPort: 4606,
  eventBridgePort: 4607,
  snsPort: 4608,
  cloudWatchPort: 4609,
  securityHubPort: 4610,
  pagePort: 4611,
} as const;

type PortOption = keyof typeof defaultPorts;

/** What the command line says of ports. */
export type PortOptions = { readonly [Option in PortOption]?: number | undefined } & {
  readonly json?: boolean | undefined;
  /** The first of as many ports as there are services, in place of 4600. */
  readonly portBase?: number | undefined;
};

/** So that the last service has a port too. */
export const lastPortBase = 65_535 - (defaultPorts.pagePort - defaultPorts.port);

/** What listens, the option that moves it, and its name in errors. */
const listeners = {
  api: { option: 'port', service: 'HTTP API' },
  instance: { option: 'instancePort', service: 'ServiceNow instance' },
  sqs: { option: 'sqsPort', service: 'SQS' },
  s3: { option: 's3Port', service: 'S3' },
  lambda: { option: 'lambdaPort', service: 'Lambda' },
  secretsManager: { option: 'secretsManagerPort', service: 'Secrets Manager' },
  dynamodb: { option: 'dynamodbPort', service: 'DynamoDB' },
  eventBridge: { option: 'eventBridgePort', service: 'EventBridge' },
  sns: { option: 'snsPort', service: 'SNS' },
  cloudWatch: { option: 'cloudWatchPort', service: 'CloudWatch' },
  securityHub: { option: 'securityHubPort', service: 'Security Hub' },
  page: { option: 'pagePort', service: 'Local page' },
} as const satisfies Record<keyof StackPorts | 'page', { option: PortOption; service: string }>;

/** The ports of a stack: those that options name, else those from `--port-base` on; with `--json` and without that, free ones. */
export function portsOf(options: PortOptions): Required<StackPorts> & { readonly page: number } {
  const { json, portBase = json ? undefined : defaultPorts.port } = options;
  const of = ({ option }: { option: PortOption }) =>
    options[option] ?? (portBase === undefined ? 0 : portBase + defaultPorts[option] - defaultPorts.port);
  return {
    api: of(listeners.api),
    instance: of(listeners.instance),
    sqs: of(listeners.sqs),
    s3: of(listeners.s3),
    lambda: of(listeners.lambda),
    secretsManager: of(listeners.secretsManager),
    dynamodb: of(listeners.dynamodb),
    eventBridge: of(listeners.eventBridge),
    sns: of(listeners.sns),
    cloudWatch: of(listeners.cloudWatch),
    securityHub: of(listeners.securityHub),
    page: of(listeners.page),
  };
}

/** The option that moves a service to another port. */
export function portOption(service: string): string {
  const found = Object.values(listeners).find((listener) => listener.service === service);
  const words = (found?.option ?? 'port').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${words}`;
}
