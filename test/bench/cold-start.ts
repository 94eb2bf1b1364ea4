import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { build } from 'esbuild';
import { unzipSync, zipSync } from 'fflate';
import { bundleOptions, projectRoot } from '../../deploy/bundle.ts';
import { packageFunctions } from '../../deploy/package.ts';
import { RuntimeProcess } from '../../emulator/aws/lambda/runtime/runtime-process.ts';
import { unzip } from '../../emulator/aws/lambda/unzip.ts';
import { startSecretsManager } from '../../emulator/aws/secrets-manager/secrets-manager.ts';
import type { LambdaFunction } from '../../emulator/aws/template/lambda-functions.ts';
import { readStackResources } from '../../emulator/aws/template/stack-resources.ts';
import { startInstance } from '../../emulator/instance/index.ts';
import { median, type Row, ratioRow, round, runAlone } from './report.ts';

export const name =
  'cold start: spawn of the packaged function under aws-lambda-ric to its first /next, and to its first answer';

const starts = 20;
/** The functions that are measured, with how often the time of an empty handler each may take. */
const maxRatios: Readonly<Record<string, number>> = {
  getRecords: 1.45,
  getRecordById: 1.45,
  postRecord: 1.45,
  writeRecords: 1.6,
  mapEvents: 1.6,
};
/** How often the time of a bare handler a function may take that reads the same secret and makes the same call. */
const maxFirstAnswerRatio = 1.25;
/** The code of an HTTP function, without its source maps. */
const maxZipBytes = 260 * 1024;

const bareHandler = `
  import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
  const secrets = new SecretsManagerClient({});
  export const handler = async () => {
    const SecretId = process.env.SERVICENOW_SECRET_ID;
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
    const { instanceUrl, auth } = JSON.parse(SecretString);
    const authorization = 'Basic ' + btoa(auth.username + ':' + auth.password);
    const url = instanceUrl + '/api/now/table/incident?sysparm_limit=1';
    return (await fetch(url, { headers: { authorization } })).json();
  };`;

/** Packaged functions against an empty handler and a bare one, interleaved, median of 20 starts each. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cold-start-'));
  try {
    const packaged = await packageFunctions();
    const contenders = await prepare(packaged, folder);
    const starting = contenders.filter(({ key }) => key !== 'bare');
    const answering = contenders.filter(({ key }) => key === 'bare' || key === 'getRecords');
    const init = await interleave(starting, (contender) => startMs(contender, folder));
    const world = await startWorld();
    const answer = await interleave(answering, (contender) => startMs(contender, folder, world.environment));
    await world.close();
    const baseline = median(init.get('empty') ?? []);
    return [
      ...Object.entries(maxRatios).map(([key, maxRatio]) =>
        ratioRow(key, 'ms', { measured: median(init.get(key) ?? []), baseline, maxRatio }),
      ),
      ratioRow('getRecords, to its first answer (against a bare handler)', 'ms', {
        measured: median(answer.get('getRecords') ?? []),
        baseline: median(answer.get('bare') ?? []),
        maxRatio: maxFirstAnswerRatio,
      }),
      ...(await Promise.all(['getRecords', 'postRecord'].map((key) => zipRow(packaged.folder, key)))),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function interleave(
  contenders: readonly LambdaFunction[],
  measure: (contender: LambdaFunction) => Promise<number>,
): Promise<ReadonlyMap<string, number[]>> {
  const times = new Map(contenders.map(({ key }) => [key, [] as number[]]));
  for (let round = 0; round <= starts; round += 1) {
    // Each is first in turn, so that none always follows the same one.
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const ms = await measure(contender);
      // The first round only warms the disk cache.
      if (round > 0) times.get(contender.key)?.push(ms);
    }
  }
  return times;
}

async function prepare(
  packaged: { readonly folder: string; readonly templateFile: string },
  folder: string,
): Promise<LambdaFunction[]> {
  const context = { region: 'us-east-1', accountId: '000000000000', sqsEndpoint: 'http://127.0.0.1' };
  const { functions } = await readStackResources(packaged.templateFile, context);
  const contenders = functions.filter(({ key }) => key in maxRatios);
  for (const { key } of contenders) await unzip(join(packaged.folder, `${key}.zip`), join(folder, key));
  const [model] = contenders;
  if (model === undefined) throw new Error('The package holds none of the functions to measure');
  await mkdir(join(folder, 'empty'));
  await writeFile(join(folder, 'empty/index.mjs'), 'export const handler = async () => {};\n');
  await build({
    ...bundleOptions,
    absWorkingDir: projectRoot,
    stdin: { contents: bareHandler, resolveDir: projectRoot },
    entryNames: 'index',
    outdir: join(folder, 'bare'),
  });
  const handler = 'index.handler';
  return [{ ...model, key: 'empty', handler }, { ...model, key: 'bare', handler }, ...contenders];
}

/** Secrets Manager and an instance, and the variables by which a function finds them. */
async function startWorld() {
  const [instance, secretsManager] = await Promise.all([startInstance(), startSecretsManager()]);
  const auth = { type: 'basic', username: instance.username, password: instance.password };
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const admin = new SecretsManagerClient({ region: 'us-east-1', endpoint: secretsManager.url, credentials });
  const SecretString = JSON.stringify({ instanceUrl: instance.url, auth });
  await admin.send(new CreateSecretCommand({ Name: 'cold', SecretString }));
  admin.destroy();
  return {
    environment: {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
      SERVICENOW_SECRET_ID: 'cold',
      ALLOWED_TABLES: '*',
      ALLOWED_HOSTS: '127.0.0.1',
    },
    close: () => Promise.all([instance.close(), secretsManager.close()]),
  };
}

/** Until the process asks for its first event; with an environment to work in, until it has answered one. */
async function startMs(
  lambdaFunction: LambdaFunction,
  folder: string,
  environment?: Readonly<Record<string, string>>,
): Promise<number> {
  const { signal } = new AbortController();
  const before = performance.now();
  const runtime = await RuntimeProcess.start({
    lambdaFunction,
    codeFolder: join(folder, lambdaFunction.key),
    environment: environment ?? {},
    region: 'us-east-1',
    onLog: () => {},
  });
  const failed = await runtime.initialise('cold-start', signal);
  const outcome = failed ?? (environment && (await runtime.run(firstCall(lambdaFunction.arn), 30, signal)));
  const ms = performance.now() - before;
  await runtime.kill();
  if (outcome?.functionError) throw new Error(`${lambdaFunction.key} failed: ${outcome.payload}`);
  return ms;
}

function firstCall(invokedFunctionArn: string) {
  const event = Buffer.from(JSON.stringify({ tableName: 'incident', sysparmLimit: 1 }));
  return { requestId: crypto.randomUUID(), invokedFunctionArn, event };
}

async function zipRow(packageFolder: string, key: string): Promise<Row> {
  const entries = Object.entries(unzipSync(await readFile(join(packageFolder, `${key}.zip`))));
  const code = entries.filter(([file]) => !file.endsWith('.map'));
  const bytes = zipSync(Object.fromEntries(code)).length;
  const limit = `≤ ${maxZipBytes / 1024} KB`;
  return { what: `${key}.zip, code`, measured: `${round(bytes / 1024)} KB`, limit, ok: bytes <= maxZipBytes };
}

if (import.meta.main) await runAlone({ name, run });
