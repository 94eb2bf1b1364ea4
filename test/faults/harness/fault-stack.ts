import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { packageFunctions } from '../../../deploy/package.ts';
import type { DurableLimits } from '../../../emulator/aws/lambda/durable/limits.ts';
import type { EventFaults } from '../../../emulator/aws/s3/event-faults.ts';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import { type Instance, type InstanceOptions, startInstance } from '../../../emulator/instance/index.ts';
import type { Stack } from '../../../emulator/stack/stack.ts';
import { silentLog } from '../../../lib/core/log.ts';
import type { SecrecyWatch } from '../../secrecy/watch.ts';
import { seeDataFolder, startWatchedStack, watchTokens } from '../../secrecy/watched-stack.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

const localAws = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

/** The instances of a fault stack, by the name that messages and imports give. */
export type InstanceName = 'first' | 'second';

/** An instance, the proxy that every call of the functions goes through, and the way to change its credentials. */
export type FaultInstance = {
  readonly instance: Instance;
  readonly proxy: FaultProxy;
  /** Gives the integration user a new password and stores it: the old one, and all tokens, are worthless. */
  rotate(): Promise<void>;
};

export type FaultStackOptions = {
  readonly watch: SecrecyWatch;
  readonly instance: Omit<InstanceOptions, 'port' | 'databaseFile' | 'accounts'>;
  /** Roles of the integration user. */
  readonly roles: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Changes the packaged template, e.g. time-outs, before it is used. */
  readonly template?: (template: Template) => void;
  readonly maxProcesses?: number;
  readonly durableLimits?: Partial<DurableLimits>;
  /** How unkindly S3 delivers its events. */
  readonly s3EventFaults?: EventFaults;
  /** The queues that writeRecords believes to be its own. @default those of the template */
  readonly queues?: { readonly standard: string; readonly fifo: string };
  /** Gets each line that a function writes. */
  readonly onLine?: (text: string) => void;
  /** Gets the name of what the stack reports about batches. */
  readonly onEvent?: (name: string) => void;
};

export type Template = {
  readonly Parameters: Record<string, { readonly Default: string }>;
  readonly Resources: Record<string, { readonly Properties: Record<string, unknown> }>;
};

export type FaultStack = {
  readonly stack: Stack;
  readonly instances: Readonly<Record<InstanceName, FaultInstance>>;
  /** Between the functions and SQS. The event source mapping does not pass here. */
  readonly sqsProxy: FaultProxy;
  readonly s3Proxy: FaultProxy;
  readonly dynamoDbProxy: FaultProxy;
  /** Starts of executions, and their checkpoints. */
  readonly lambdaProxy: FaultProxy;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  /** Value of a function's environment variable, `''` when it is not set. */
  variable(functionKey: string, name: string): string;
  /** ARN of a function by its key in serverless.yml. */
  arn(functionKey: string): string;
  /** Kills one process of a function, or all. @returns how many */
  kill(functionKey: string, which?: (pids: readonly number[]) => readonly number[]): Promise<number>;
  /** Ends everything. @returns secrets and record contents that were seen where they must not be, and calls that roles refused */
  close(): Promise<readonly string[]>;
};

const templateQueues = {
  standard: 'RecordsQueue',
  fifo: 'RecordsFifoQueue.fifo',
};

/** The SDK calls a queue at its URL, whatever the endpoint: so that its calls pass the proxy, the URLs are the proxy's. */
function queueUrls(base: string, { standard, fifo }: typeof templateQueues) {
  const url = (name: string) => `${base}/000000000000/${name}`;
  return {
    RECORDS_QUEUE_URL: url(standard),
    RECORDS_FIFO_QUEUE_URL: url(fifo),
    RECORDS_DLQ_URL: url('RecordsDeadLetterQueue'),
    RECORDS_FIFO_DLQ_URL: url('RecordsFifoDeadLetterQueue.fifo'),
    EVENTS_QUEUE_URL: url('EventsQueue'),
    EVENTS_DLQ_URL: url('EventsDeadLetterQueue'),
  };
}

const secretIds = { first: 'servicenow-functions/dev', second: 'storm/second' } as const;

/** writeRecords may use the queues that it is given as its own. */
function allowQueues({ Resources }: Template, { standard, fifo }: typeof templateQueues): void {
  const role = Resources['WriteRecordsIamRoleLambdaExecution'];
  const policies = Object(role?.Properties['Policies']);
  const Resource = [standard, fifo].map((name) => `arn:aws:sqs:*:*:${name}`);
  policies[0].PolicyDocument.Statement.push({
    Effect: 'Allow',
    Action: ['sqs:ChangeMessageVisibility'],
    Resource,
  });
}

/** What the param `secretArns` does in a deployment with several instances. */
function allowBothSecrets({ Parameters }: Template): void {
  const arns = Object.values(secretIds).map((id) => `arn:aws:secretsmanager:*:*:secret:${id}-??????`);
  Parameters['SecretArns'] = { ...Parameters['SecretArns'], Default: arns.join(',') };
}

/** The packaged functions in real processes, with two instances, and a proxy before everything that they talk to. */
export async function startFaultStack(options: FaultStackOptions): Promise<FaultStack> {
  const {
    watch,
    instance,
    roles,
    environment,
    maxProcesses,
    durableLimits,
    s3EventFaults,
    onLine,
    onEvent = () => undefined,
  } = options;
  const { queues = templateQueues } = options;
  await using opened = new AsyncDisposableStack();
  const dataFolder = await mkdtemp(join(tmpdir(), 'faults-'));
  opened.defer(() => rm(dataFolder, { recursive: true, force: true }));
  const urls = { sqs: '', s3: '', dynamoDb: '', lambda: '' };
  const openProxy = async (target: () => string) =>
    opened.adopt(await startFaultProxy(target), (proxy) => proxy.close());
  const sqsProxy = await openProxy(() => urls.sqs);
  const s3Proxy = await openProxy(() => urls.s3);
  const dynamoDbProxy = await openProxy(() => urls.dynamoDb);
  const lambdaProxy = await openProxy(() => urls.lambda);
  const { folder, templateFile } = await packageFunctions();
  const changed = join(dataFolder, 'template.json');
  const template: Template = JSON.parse(await readFile(templateFile, 'utf8'));
  allowBothSecrets(template);
  if (options.queues) allowQueues(template, queues);
  options.template?.(template);
  await writeFile(changed, JSON.stringify(template));
  const stack = await startWatchedStack(
    {
      dataFolder,
      packaged: { folder, templateFile: changed },
      log: { ...silentLog, warn: onEvent },
      instance,
      environment: {
        SERVICENOW_SECRET_ID: JSON.stringify(secretIds),
        DROP_INSTANCES: 'second',
        AWS_ENDPOINT_URL_SQS: sqsProxy.url,
        ...queueUrls(sqsProxy.url, queues),
        AWS_ENDPOINT_URL_S3: s3Proxy.url,
        AWS_ENDPOINT_URL_DYNAMODB: dynamoDbProxy.url,
        AWS_ENDPOINT_URL_LAMBDA: lambdaProxy.url,
        ...environment,
      },
      ...(maxProcesses !== undefined && { maxProcesses }),
      ...(durableLimits && { durableLimits }),
      ...(s3EventFaults && { s3EventFaults }),
      ...(onLine && { onLog: onLine }),
    },
    watch,
  );
  opened.defer(() => stack.close());
  urls.sqs = stack.sqs.url;
  urls.s3 = stack.s3.url;
  urls.dynamoDb = stack.dynamodb.url;
  urls.lambda = stack.host.lambdaUrl;
  const second = opened.adopt(await startInstance(instance), (one) => one.close());
  watchTokens(second, watch);
  const secrets = new SecretsManagerClient({ ...localAws, endpoint: stack.secretsManager.url });
  opened.defer(() => secrets.destroy());
  const equip = async (name: InstanceName, of: Instance): Promise<FaultInstance> => {
    const proxy = await openProxy(() => of.url);
    const rotate = () =>
      rotateCredentials(of, proxy.url, { secrets, secretId: secretIds[name], watch, roles });
    await rotate();
    return { instance: of, proxy, rotate };
  };
  const instances = { first: await equip('first', stack.instance), second: await equip('second', second) };
  const sqs = opened.adopt(new SQSClient({ ...localAws, endpoint: stack.sqs.url }), (client) =>
    client.destroy(),
  );
  const s3 = opened.adopt(new S3Client({ ...localAws, endpoint: stack.s3.url }), (client) =>
    client.destroy(),
  );
  const running = opened.move();
  const find = (key: string) => {
    const found = stack.resources.functions.find((one) => one.key === key);
    if (!found) throw new Error(`serverless.yml has no function ${key}`);
    return found;
  };
  let closed: Promise<readonly string[]> | undefined;
  const close = async () => {
    await stack.close();
    await seeDataFolder(watch, dataFolder);
    await running.disposeAsync();
    return [
      ...watch.leaks(),
      ...stack.access.refused.map((call) => `refused by its role: ${JSON.stringify(call)}`),
    ];
  };
  return {
    stack,
    instances,
    sqsProxy,
    s3Proxy,
    dynamoDbProxy,
    lambdaProxy,
    sqs,
    s3,
    variable: (key, name) => find(key).environment[name] ?? '',
    arn: (key) => find(key).arn,
    async kill(key, which = (pids) => pids) {
      const pids = which(await stack.host.pids(find(key).arn));
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      return pids.length;
    },
    close: () => (closed ??= close()),
  };
}

type Vault = {
  readonly secrets: SecretsManagerClient;
  readonly secretId: string;
  readonly watch: SecrecyWatch;
  readonly roles: readonly string[];
};

const userName = 'storm.user';

/** The integration user gets a password, and its OAuth client a secret, that are new. */
async function rotateCredentials(instance: Instance, instanceUrl: string, vault: Vault): Promise<void> {
  const { secrets, secretId, watch, roles } = vault;
  const password = watch.secret('password');
  const client = { clientId: 'storm', clientSecret: watch.secret('client-secret') };
  const { auth } = instance.state;
  auth.clients.add(client);
  addAccount(auth, { userName, password, roles });
  auth.tokens.revokeAll();
  const connection = {
    instanceUrl,
    auth: { type: 'oauth-password', ...client, username: userName, password },
  };
  const SecretString = JSON.stringify(connection);
  try {
    await secrets.send(new PutSecretValueCommand({ SecretId: secretId, SecretString }));
  } catch {
    // The template knows of one secret only.
    await secrets.send(new CreateSecretCommand({ Name: secretId, SecretString }));
  }
}

/** Sets a property of a template's resource. @throws Error when there is no such resource */
export function setProperty(
  { Resources }: Template,
  resource: string,
  property: string,
  value: unknown,
): void {
  const found = Resources[resource];
  if (!found) throw new Error(`the template has no resource ${resource}`);
  found.Properties[property] = value;
}
