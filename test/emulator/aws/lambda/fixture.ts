import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { build } from 'esbuild';
import { zipSync } from 'fflate';
import {
  type LambdaHost,
  type LambdaHostOptions,
  startLambdaHost,
} from '../../../../emulator/aws/lambda/host.ts';
import type { LambdaFunction } from '../../../../emulator/aws/template/lambda-functions.ts';
import type { HttpRoute } from '../../../../emulator/aws/template/resources.ts';

/** A function of a test: the text of its module, and what differs from the rest. */
export type FunctionFixture = {
  readonly source: string;
  readonly timeoutSeconds?: number;
  readonly durable?: boolean;
  readonly executionTimeoutSeconds?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** `METHOD /path` of its routes. */
  readonly routes?: readonly string[];
  readonly integrationTimeoutMs?: number;
};

export type Fixture = {
  readonly folder: string;
  readonly options: LambdaHostOptions;
  readonly logs: string[];
  /** Starts a host over the same package and the same data. */
  start(options?: Partial<LambdaHostOptions>): Promise<LambdaHost>;
  /** Closes every host that is open and removes the files. */
  dispose(): Promise<void>;
};

const region = 'eu-central-1';
const accountId = '123456789012';

/** Bundles and zips functions as the packager does, and makes ready a host for them. */
export async function packFunctions(fixtures: Readonly<Record<string, FunctionFixture>>): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'lambda-host-'));
  const packageFolder = join(folder, 'package');
  await mkdir(packageFolder);
  await Promise.all(
    Object.entries(fixtures).map(async ([key, { source }]) =>
      writeFile(
        join(packageFolder, `${key}.zip`),
        zipSync({ 'dist/index.mjs': await bundle(source) }, { level: 0 }),
      ),
    ),
  );
  const logs: string[] = [];
  const options = {
    stack: {
      functions: Object.entries(fixtures).map(([key, fixture]) => lambdaFunction(key, fixture)),
      routes: Object.entries(fixtures).flatMap(([key, fixture]) => routes(key, fixture)),
    },
    packageFolder,
    dataFolder: join(folder, 'data'),
    region,
    accountId,
    onLog: (line: string) => logs.push(line),
  };
  const hosts: LambdaHost[] = [];
  return {
    folder,
    options,
    logs,
    async start(more) {
      const host = await startLambdaHost({ ...options, ...more });
      hosts.push(host);
      return host;
    },
    async dispose() {
      await Promise.all(hosts.map((host) => host.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The real SDK's client for a host. */
export function lambdaClient({ lambdaUrl }: Pick<LambdaHost, 'lambdaUrl'>): LambdaClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return new LambdaClient({ endpoint: lambdaUrl, region, credentials });
}

async function bundle(source: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    banner: {
      js: `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`,
    },
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild wrote nothing');
  return file.contents;
}

function arn(key: string): string {
  return `arn:aws:lambda:${region}:${accountId}:function:test-${key}`;
}

function lambdaFunction(key: string, fixture: FunctionFixture): LambdaFunction {
  return {
    key,
    functionName: `test-${key}`,
    arn: arn(key),
    handler: 'dist/index.handler',
    memoryMb: 256,
    timeoutSeconds: fixture.timeoutSeconds ?? 60,
    environment: fixture.environment ?? {},
    aliases: ['live', 'durable'],
    ...(fixture.durable && { durable: { executionTimeoutSeconds: fixture.executionTimeoutSeconds ?? 60 } }),
  };
}

function routes(key: string, fixture: FunctionFixture): HttpRoute[] {
  return (fixture.routes ?? []).map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return {
      method,
      path,
      functionArn: arn(key),
      integrationTimeoutMs: fixture.integrationTimeoutMs ?? 30_000,
      authorizationType: 'AWS_IAM',
    };
  });
}
