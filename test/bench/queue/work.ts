import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDynamoDb } from '../../../emulator/aws/dynamodb/dynamodb.ts';
import type { Instance } from '../../../emulator/instance/index.ts';
import { bundleForProcess } from '../bundled-process.ts';

/** The name of the state table. */
export const stateTable = 'state';

/** DynamoDB with an empty state table. */
export async function startStateTable() {
  const dynamoDb = await startDynamoDb();
  await dynamoDb.ensureTable({
    name: stateTable,
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  return dynamoDb;
}

/** What a worker is asked to do; comes and goes as JSON. */
export type Work = {
  readonly instanceUrl: string;
  readonly username: string;
  readonly password: string;
  readonly messages: number;
  /**
   * `function`: through write-records, two copies with a hundred messages each; `keyed`: the same with a key in each message;
   * `singles`: one POST each, four at once.
   */
  readonly way: 'function' | 'keyed' | 'singles';
  /** The name of the state table. */
  readonly stateTable: string;
  readonly prefix: string;
};

export type WorkDone = {
  readonly seconds: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
  readonly maxRssMb: number;
  readonly unfinished: number;
};

/** What the SDK needs to call it. */
export const localAws = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
};

/**
 * Has a process of its own do the work.
 * @param options of Node, e.g. how it divides its memory
 * @throws Error when messages were not written
 */
export async function doWork(
  { url: instanceUrl, username, password }: Pick<Instance, 'url' | 'username' | 'password'>,
  asked: Pick<Work, 'way' | 'messages' | 'prefix'>,
  dynamoDbUrl: string,
  options: readonly string[] = [],
): Promise<WorkDone> {
  const work: Work = { instanceUrl, username, password, stateTable, ...asked };
  const worker = bundleForProcess(join(import.meta.dirname, 'worker.ts'));
  const { stdout } = await promisify(execFile)(process.execPath, [...options, worker, JSON.stringify(work)], {
    env: { ...process.env, ...localAws, AWS_ENDPOINT_URL_DYNAMODB: dynamoDbUrl },
  });
  const done: WorkDone = JSON.parse(stdout);
  if (done.unfinished > 0)
    throw new Error(`${work.way}: ${done.unfinished} of ${work.messages} were not written`);
  return done;
}
