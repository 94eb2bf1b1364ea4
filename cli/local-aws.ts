import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { useLocalEndpoints } from './local-credentials.ts';
import { listRunningStacks, type RunningStack } from './running-stack.ts';
import { typed } from './typed.ts';

/**
 * The running stack that a person means: that of `--stack`, else the one that was started in the current folder. A stack of another
 * folder is never taken unless it is named.
 * @param otherwise what else can be done, for the message
 * @throws Error of one line that names the stacks that run
 */
export function requireRunningStack(named: string | undefined, otherwise = ''): RunningStack {
  const folder = realPath(named ?? process.cwd());
  const running = listRunningStacks();
  const own = running.filter((one) => isOf(one, folder));
  const [only] = own;
  if (only && own.length === 1) return only;
  const start = `start one with ${typed('start')}${otherwise}`;
  if (own.length > 1)
    throw new Error(
      `${own.length} local stacks of ${folder} are running; name one with --stack and its data folder: ${own.map(({ dataFolder }) => dataFolder).join(', ')}`,
    );
  if (running.length === 0) throw new Error(`No local stack is running; ${start}`);
  const others = running.map((one) => nameOf(one, running));
  const which =
    others.length === 1
      ? `that of ${others[0]} is: name it with --stack ${others[0]}`
      : `those of ${others.join(', ')} are: name one with --stack`;
  throw new Error(`No local stack of ${folder} is running; ${which}, or ${start}`);
}

/** The running stack that was started in the current folder, if it is the only one. */
export function findOwnStack(): RunningStack | undefined {
  const folder = realPath(process.cwd());
  const [only, ...more] = listRunningStacks().filter((one) => isOf(one, folder));
  return more.length === 0 ? only : undefined;
}

/** The running stack of this user, of any folder, one of whose services has this address. */
export function findStackAt(service: 'sqs' | 's3', address: string | undefined): RunningStack | undefined {
  const server = serverOf(address);
  if (server === undefined) return undefined;
  return listRunningStacks().find(({ endpoints }) => serverOf(endpoints[service].endpoint) === server);
}

function serverOf(address: string | undefined): string | undefined {
  return URL.parse(address ?? '')?.host.replace(/^localhost(?=:|$)/, '127.0.0.1');
}

function isOf({ project, dataFolder }: RunningStack, folder: string): boolean {
  return realPath(project) === folder || realPath(dataFolder) === folder;
}

/** Its project, or its data folder where several were started in one. */
function nameOf({ project, dataFolder }: RunningStack, running: readonly RunningStack[]): string {
  return running.filter((one) => one.project === project).length > 1 ? dataFolder : project;
}

/** Without symbolic links, as far as the folder is there. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

/** Makes the AWS SDK of this process talk to a local stack, whatever the environment says of AWS. */
export function useLocalStack({ endpoints }: RunningStack): void {
  const { sqs, s3, lambda, secretsManager, dynamodb, cloudWatch } = endpoints;
  useLocalEndpoints({
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.endpoint,
  });
}

/** The same for S3 alone. */
export function useLocalS3(endpoint: string): void {
  useLocalEndpoints({ AWS_ENDPOINT_URL_S3: endpoint });
}
