import type { LambdaHost } from '../aws/lambda/host.ts';
import type { LoopbackServer } from '../aws/loopback-server.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';
import type { Instance } from '../instance/index.ts';

/** Where everything answers; what `npm start -- --json` prints. */
export type Endpoints = {
  /** Base URL of the HTTP API. */
  readonly api: string;
  readonly instance: { readonly url: string; readonly username: string; readonly password: string };
  readonly sqs: {
    readonly endpoint: string;
    readonly recordsQueueUrl: string;
    readonly recordsDlqUrl: string;
  };
  readonly s3: { readonly endpoint: string; readonly bucket: string };
  readonly lambda: { readonly endpoint: string };
  readonly secretsManager: { readonly endpoint: string };
  readonly dynamodb: {
    readonly endpoint: string;
    /** The table that remembers applied messages and schedules imports (`STATE_TABLE`); not there when the template has none. */
    readonly stateTable?: string;
  };
};

export type StackParts = {
  readonly resources: StackResources;
  readonly host: LambdaHost;
  readonly instance: Instance;
  readonly sqs: LoopbackServer;
  readonly s3: LoopbackServer;
  readonly secretsManager: LoopbackServer;
  readonly dynamodb: LoopbackServer;
};

/** Reads the names of queues and bucket from the variables that the template gives its functions. */
export function describeStack(parts: StackParts): Endpoints {
  const { resources, host, instance, sqs, s3, secretsManager, dynamodb } = parts;
  const stateTable = findVariable(resources, 'STATE_TABLE');
  const { url, username, password } = instance;
  return {
    api: host.apiUrl,
    instance: { url, username, password },
    sqs: {
      endpoint: sqs.url,
      recordsQueueUrl: variable(resources, 'RECORDS_QUEUE_URL'),
      recordsDlqUrl: variable(resources, 'RECORDS_DLQ_URL'),
    },
    s3: { endpoint: s3.url, bucket: variable(resources, 'IMPORT_BUCKET') },
    lambda: { endpoint: host.lambdaUrl },
    secretsManager: { endpoint: secretsManager.url },
    dynamodb: { endpoint: dynamodb.url, ...(stateTable !== undefined && { stateTable }) },
  };
}

function variable(resources: StackResources, name: string): string {
  const value = findVariable(resources, name);
  if (value === undefined) throw new Error(`No function of the template has the variable ${name}`);
  return value;
}

function findVariable({ functions }: StackResources, name: string): string | undefined {
  return functions.map(({ environment }) => environment[name]).find((found) => found !== undefined);
}
