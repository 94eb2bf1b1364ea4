import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ACCOUNT_ID, REGION } from '../aws/account.ts';
import { type LocalDynamoDb, startDynamoDb } from '../aws/dynamodb/dynamodb.ts';
import { AccessControl } from '../aws/iam/access-control.ts';
import type { DurableLimits } from '../aws/lambda/durable/limits.ts';
import { type LambdaHost, type LambdaHostOptions, startLambdaHost } from '../aws/lambda/host.ts';
import type { OnAnswer } from '../aws/lambda/invocation.ts';
import { type Log, silentLog } from '../aws/log.ts';
import { type LoopbackServer, PortUnavailableError } from '../aws/loopback-server.ts';
import type { EventFaults } from '../aws/s3/event-faults.ts';
import { type LocalS3, startS3 } from '../aws/s3/s3.ts';
import { startSecretsManager } from '../aws/secrets-manager/secrets-manager.ts';
import {
  type EventSourceMapping,
  startEventSourceMapping,
} from '../aws/sqs/event-source-mapping/event-source-mapping.ts';
import { type LocalSqs, startSqs } from '../aws/sqs/sqs.ts';
import { readStackResources, type StackResources } from '../aws/template/stack-resources.ts';
import { type Instance, type InstanceOptions, startInstance } from '../instance/index.ts';
import { claimFolder } from './claim-folder.ts';
import { createBuckets, createQueues, createTables, deliverTo } from './create-resources.ts';
import { describeStack, type Endpoints } from './describe-stack.ts';
import {
  type EventSourcePorts,
  type EventSources,
  type StartedEventSources,
  startEventSources,
} from './event-sources.ts';
import { requireLambdasOwnRights } from './lambdas-own-rights.ts';
import { putSecrets, type SecretOwner } from './put-secrets.ts';

/** How long a stop waits for invocations that run; what they leave undone stays in the queues. */
const STOP_GRACE_MS = 3_000;

/** Ports on 127.0.0.1; 0 or none takes a free one. */
export type StackPorts = EventSourcePorts & {
  readonly api?: number;
  readonly instance?: number;
  readonly sqs?: number;
  readonly s3?: number;
  readonly secretsManager?: number;
  readonly dynamodb?: number;
  readonly lambda?: number;
};

/** One zip for each function and the CloudFormation template that names them. */
export type PackagedFunctions = {
  /** Absolute folder of `<key>.zip`. */
  readonly folder: string;
  /** Absolute path of the template (JSON). */
  readonly templateFile: string;
};

export type StackOptions = {
  /** Keeps everything that the stack holds; a stack on the same folder goes on where the last one stopped. */
  readonly dataFolder: string;
  readonly ports?: StackPorts;
  /** What is run. While a package is still being made, everything that the functions talk to starts. */
  readonly packaged: PackagedFunctions | Promise<PackagedFunctions>;
  /** Further options of the instance emulator. */
  readonly instance?: Omit<InstanceOptions, 'port' | 'databaseFile'>;
  /**
   * The JSON of a secret for the functions in place of that of the emulated instance. It stays in the data folder; a later run without
   * one does not put the emulator's over it.
   */
  readonly secret?: string;
  /** Variables for every function, stronger than the template's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Processes of one function at once. @default 4 */
  readonly maxProcesses?: number;
  readonly durableLimits?: Partial<DurableLimits>;
  /** Delays and repeats the events of S3. @default every event once and at once */
  readonly s3EventFaults?: EventFaults;
  /**
   * True refuses what queue policies do not let rules and topics send, as AWS does.
   * @default false: it is delivered and logged, so that rules can be tried without a deployment that names them
   */
  readonly enforceQueuePolicies?: boolean;
  /** One line that a function wrote, with its key in serverless.yml. */
  readonly onLog?: (line: string, key: string) => void;
  /** Every call of a function that has ended. */
  readonly onAnswer?: OnAnswer;
  /** Where the stack itself logs batches that failed. */
  readonly log?: Log;
};

export type Stack = EventSources & {
  readonly endpoints: Endpoints;
  readonly resources: StackResources;
  /** Whose instance the functions talk to. */
  readonly secretOwner: SecretOwner;
  readonly instance: Instance;
  readonly sqs: LocalSqs;
  readonly s3: LocalS3;
  readonly secretsManager: LoopbackServer;
  readonly dynamodb: LocalDynamoDb;
  readonly host: LambdaHost;
  /** What the functions’ roles allowed and refused. */
  readonly access: AccessControl;
  /** What the functions get besides the variables of the template: where everything answers. */
  readonly functionEnvironment: Readonly<Record<string, string>>;
  /** Stops everything; running invocations get a short while to end. No process is left. */
  close(): Promise<void>;
};

/**
 * Runs the packaged functions with everything around them on this machine: a ServiceNow instance, SQS, S3, DynamoDB,
 * Secrets Manager, EventBridge, SNS, CloudWatch, Security Hub and Lambda, set up as the packaged template says. Listens on 127.0.0.1 only and
 * checks no signature. A function gets what its role allows, any other caller everything.
 * @throws PortUnavailableError when a port is taken
 * @throws FolderUnavailableError when another stack uses the folder, or it cannot be written to
 * @throws Error what `packaged` is rejected with
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  await using opened = new AsyncDisposableStack();
  const { dataFolder } = options;
  opened.adopt(claimFolder(dataFolder), (claim) => claim.release());
  const packaging = Promise.resolve(options.packaged);
  // Awaited below; until then its failure must not count as unhandled.
  packaging.catch(() => undefined);
  const access = new AccessControl();
  const outside = await startOutside(options, access, opened);
  const { sources, ...running } = outside;
  const { sqs, s3, dynamodb, secretsManager, instance } = running;
  const packaged = await packaging;
  const context = { region: REGION, accountId: ACCOUNT_ID, sqsEndpoint: sqs.url };
  const resources = await readStackResources(packaged.templateFile, context);
  access.setRoles(resources.functions);
  requireLambdasOwnRights(resources, access);
  createQueues(resources, sqs.state);
  createBuckets(resources, s3.state);
  await createTables(resources, dynamodb);
  const secretOwner = await putSecrets(resources, secretsManager.url, instance, options.secret);
  const functionEnvironment = environmentFor(options, outside);
  const host = await startLambdaHost(
    hostOptions(options, packaged.folder, resources, functionEnvironment, access),
  );
  const mappings: EventSourceMapping[] = [];
  opened.defer(() => stopFunctions(mappings, host));
  mappings.push(...startMappings(resources, sqs, host, options.log ?? silentLog));
  const { connect, ...eventSources } = sources;
  connect(resources, host);
  const endpoints = describeStack({ ...running, ...eventSources, resources, host });
  const all = opened.move();
  return {
    ...running,
    ...eventSources,
    endpoints,
    resources,
    secretOwner,
    host,
    access,
    functionEnvironment: {
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_LAMBDA: host.lambdaUrl,
      ...functionEnvironment,
    },
    close: () => all.disposeAsync(),
  };
}

/** What the functions talk to. */
type Outside = Pick<Stack, 'sqs' | 's3' | 'secretsManager' | 'dynamodb' | 'instance'> & {
  readonly sources: StartedEventSources;
};

async function startOutside(
  options: StackOptions,
  { permit, idOf }: AccessControl,
  opened: AsyncDisposableStack,
): Promise<Outside> {
  const { dataFolder, ports = {}, log = silentLog } = options;
  const open = async <Part extends { close(): Promise<void> }>(starting: Promise<Part>): Promise<Part> =>
    opened.adopt(await starting, (part) => part.close());
  const sqs = await open(
    startSqs({ port: ports.sqs ?? 0, databaseFile: join(dataFolder, 'sqs.db'), permit, idOf }),
  );
  const deliver = deliverTo(sqs.state);
  const s3Folder = join(dataFolder, 's3');
  const s3 = await open(
    startS3({
      port: ports.s3 ?? 0,
      folder: s3Folder,
      deliver,
      log,
      permit,
      idOf,
      ...(options.s3EventFaults && { eventFaults: options.s3EventFaults }),
    }),
  );
  const databaseFile = join(dataFolder, 'secrets.db');
  const secretsManager = await open(
    startSecretsManager({ port: ports.secretsManager ?? 0, databaseFile, permit }),
  );
  const folder = join(dataFolder, 'dynamodb');
  const dynamodb = await open(startDynamoDb({ port: ports.dynamodb ?? 0, folder, permit }));
  const instance = await open(startOnPort(options));
  const enforceQueuePolicies = options.enforceQueuePolicies ?? false;
  const sources = await startEventSources(
    { dataFolder, ports, sqs, enforceQueuePolicies, permit, log },
    opened,
  );
  return { sqs, s3, secretsManager, dynamodb, instance, sources };
}

/** @throws PortUnavailableError */
async function startOnPort({ dataFolder, ports, instance }: StackOptions): Promise<Instance> {
  const port = ports?.instance ?? 0;
  const databaseFile = join(dataFolder, 'instance.db');
  return startInstance({ ...instance, port, databaseFile }).catch((error: unknown) => {
    const isPort = error instanceof Error && 'syscall' in error && error.syscall === 'listen';
    throw isPort ? new PortUnavailableError('ServiceNow instance', port, error) : error;
  });
}

function hostOptions(
  options: StackOptions,
  packageFolder: string,
  stack: StackResources,
  environment: Readonly<Record<string, string>>,
  { permit }: AccessControl,
): LambdaHostOptions {
  const { ports = {}, maxProcesses, durableLimits, onLog, onAnswer } = options;
  return {
    stack,
    packageFolder,
    dataFolder: join(options.dataFolder, 'lambda'),
    region: REGION,
    accountId: ACCOUNT_ID,
    apiPort: ports.api ?? 0,
    lambdaPort: ports.lambda ?? 0,
    environment,
    permit,
    ...(maxProcesses !== undefined && { maxProcesses }),
    ...(durableLimits && { durableLimits }),
    ...(onLog && { onLog }),
    ...(onAnswer && { onAnswer }),
  };
}

/** The SDK follows the endpoints by itself; the functions' code knows nothing of them. */
function environmentFor(
  { environment }: StackOptions,
  { sqs, s3, secretsManager, dynamodb, sources }: Outside,
): Record<string, string> {
  return {
    // The emulator is on this machine, which a deployment would not talk to.
    ALLOWED_HOSTS: '127.0.0.1',
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL_SQS: sqs.url,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: sources.eventBridge.url,
    AWS_ENDPOINT_URL_SNS: sources.sns.url,
    AWS_ENDPOINT_URL_CLOUDWATCH: sources.cloudWatch.url,
    AWS_ENDPOINT_URL_SECURITYHUB: sources.securityHub.url,
    ...environment,
  };
}

function startMappings(
  { eventSourceMappings }: StackResources,
  { state }: LocalSqs,
  host: LambdaHost,
  log: Log,
): EventSourceMapping[] {
  return eventSourceMappings.map(({ queueArn, ...mapping }) => {
    const queue = state.queues.findByArn(queueArn);
    if (!queue) throw new Error(`An event source mapping reads ${queueArn}, which is no queue of this stack`);
    // No process of an earlier run is left to finish what was in flight when it was stopped.
    state.messages.releaseInFlight(queue.name, state.clock.now());
    return startEventSourceMapping({ state, queue, invoke: host.invoke, log, ...mapping });
  });
}

async function stopFunctions(mappings: readonly EventSourceMapping[], host: LambdaHost): Promise<void> {
  const stopped = Promise.all(mappings.map((mapping) => mapping.stop()));
  const grace = new AbortController();
  const over = delay(STOP_GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined);
  await Promise.race([stopped, over]);
  grace.abort();
  // Ends the invocations that still run, so that their mappings stop too.
  await host.close();
  await stopped;
}
