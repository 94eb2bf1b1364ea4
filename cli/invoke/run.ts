import inspector from 'node:inspector';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from 'aws-lambda';
import { projectRoot } from '../../deploy/bundle.ts';
import { functions, type PackagedFunction } from '../../deploy/functions.ts';
import type { LambdaFunction } from '../../emulator/aws/template/lambda-functions.ts';
import { similarWord } from '../../emulator/instance/similar-word.ts';
import { UsageError } from '../command-line.ts';
import { useLocalEndpoints } from '../local-credentials.ts';
import { startLocalStack } from '../local-stack.ts';
import { readJson } from '../read-text.ts';
import { temporaryFolder } from '../temporary-folder.ts';

type Handler = (event: unknown, context: Context) => unknown;

/**
 * Runs one function from source against a fresh local stack and prints its answer.
 * @param eventFile `-` reads standard input
 * @throws UsageError for a function that does not exist
 */
export async function runInvoke(key: string, eventFile: string, inspect: boolean): Promise<void> {
  const chosen = functions.find((one) => one.key === key);
  if (!chosen) {
    const keys = functions.map((one) => one.key);
    const likely = similarWord(key, keys);
    throw new UsageError(
      `${key} is not a function; there are ${keys.join(', ')}${likely === undefined ? '' : `\n(Did you mean ${likely}?)`}`,
    );
  }
  const event = await readJson(eventFile);
  using folder = temporaryFolder();
  await invoke(chosen, event, folder.path, inspect);
}

async function invoke(
  chosen: PackagedFunction,
  event: unknown,
  dataFolder: string,
  inspect: boolean,
): Promise<void> {
  const stack = await startLocalStack({ dataFolder });
  try {
    const deployed = stack.resources.functions.find(({ key }) => key === chosen.key);
    if (!deployed) throw new Error(`The template has no function ${chosen.key}`);
    if (deployed.durable)
      throw new Error(
        `${chosen.key} is a durable function: start the local stack and drop a file in its bucket`,
      );
    useLocalEndpoints({
      ...deployed.environment,
      ...stack.functionEnvironment,
      // The local stack allows what the role of the function allows.
      AWS_ACCESS_KEY_ID: deployed.functionName,
    });
    const handler = await loadHandler(chosen);
    if (inspect) {
      inspector.open();
      inspector.waitForDebugger();
    }
    const answer = await withLogsOnStderr(async () => handler(event, contextOf(deployed)));
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  } finally {
    await stack.close();
  }
}

/** Functions log to standard output, which is kept for the answer. */
async function withLogsOnStderr(run: () => Promise<unknown>): Promise<unknown> {
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    return await run();
  } finally {
    process.stdout.write = write;
  }
}

async function loadHandler({ file }: PackagedFunction): Promise<Handler> {
  const { handler } = await import(pathToFileURL(join(projectRoot, file)).href);
  if (typeof handler !== 'function') throw new Error(`${file} exports no handler`);
  return handler;
}

function contextOf({ functionName, arn, memoryMb, timeoutSeconds }: LambdaFunction): Context {
  const deadlineMs = Date.now() + timeoutSeconds * 1000;
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: arn,
    memoryLimitInMB: String(memoryMb),
    awsRequestId: crypto.randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
    done() {},
    fail() {},
    succeed() {},
  };
}
