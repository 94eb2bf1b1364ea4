import { DEFAULT_BUS } from '../aws/event-bridge/rules.ts';
import type { LambdaHost } from '../aws/lambda/host.ts';
import type { LoopbackServer } from '../aws/loopback-server.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';
import type { Instance } from '../instance/index.ts';

/** A queue of the stack. */
export type NamedQueue = {
  readonly name: string;
  readonly url: string;
  /** For one that takes dead letters: the queue that they go back to, or none where a person has to look at each. */
  readonly deadLettersOf?: string | null;
};

/** Where everything answers; what `npm start -- --json` prints. */
export type Endpoints = {
  /** Base URL of the HTTP API. */
  readonly api: string;
  readonly instance: { readonly url: string; readonly username: string; readonly password: string };
  readonly sqs: {
    readonly endpoint: string;
    readonly recordsQueueUrl: string;
    readonly recordsDlqUrl: string;
    /** All of them. */
    readonly queues: readonly NamedQueue[];
    /** Where events become signals; not there when the template has no events. */
    readonly eventsQueueUrl?: string;
    readonly eventsDlqUrl?: string;
    /** The FIFO queue that takes signals. */
    readonly signalsQueueUrl?: string;
  };
  readonly eventBridge: { readonly endpoint: string; readonly bus: string };
  readonly sns: {
    readonly endpoint: string;
    /** The topic whose messages go to the events queue; not there when the template has none. */
    readonly topicArn?: string;
  };
  readonly cloudWatch: { readonly endpoint: string };
  readonly securityHub: { readonly endpoint: string };
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
  readonly eventBridge: LoopbackServer;
  readonly sns: LoopbackServer;
  readonly cloudWatch: LoopbackServer;
  readonly securityHub: LoopbackServer;
  readonly s3: LoopbackServer;
  readonly secretsManager: LoopbackServer;
  readonly dynamodb: LoopbackServer;
};

/** Reads the names of queues and bucket from the variables that the template gives its functions. */
export function describeStack(parts: StackParts): Endpoints {
  const { resources, host, instance, sqs, s3, secretsManager, dynamodb } = parts;
  const { eventBridge, sns, cloudWatch, securityHub } = parts;
  const [topicArn] = resources.sns.topicArns;
  const stateTable = findVariable(resources, 'STATE_TABLE');
  const { url, username, password } = instance;
  return {
    api: host.apiUrl,
    instance: { url, username, password },
    sqs: {
      endpoint: sqs.url,
      recordsQueueUrl: variable(resources, 'RECORDS_QUEUE_URL'),
      recordsDlqUrl: variable(resources, 'RECORDS_DLQ_URL'),
      queues: nameQueues(resources),
      ...eventQueues(resources),
    },
    eventBridge: { endpoint: eventBridge.url, bus: DEFAULT_BUS },
    sns: { endpoint: sns.url, ...(topicArn !== undefined && { topicArn }) },
    cloudWatch: { endpoint: cloudWatch.url },
    securityHub: { endpoint: securityHub.url },
    s3: { endpoint: s3.url, bucket: variable(resources, 'IMPORT_BUCKET') },
    lambda: { endpoint: host.lambdaUrl },
    secretsManager: { endpoint: secretsManager.url },
    dynamodb: { endpoint: dynamodb.url, ...(stateTable !== undefined && { stateTable }) },
  };
}

/** Queues that SQS moves dead letters to are found by the queues that name them, those of other services by their names. */
function nameQueues({ queues }: StackResources): readonly NamedQueue[] {
  const sourceOf = (arn: string) =>
    queues.find(({ attributes: { RedrivePolicy = '{}' } }) => targetOf(RedrivePolicy) === arn)?.url;
  return queues.map(({ name, arn, url }) => {
    const source = sourceOf(arn);
    const takesLetters = source !== undefined || name.includes('DeadLetter');
    return { name, url, ...(takesLetters && { deadLettersOf: source ?? null }) };
  });
}

function targetOf(redrivePolicy: string): unknown {
  const policy: { readonly deadLetterTargetArn?: unknown } = JSON.parse(redrivePolicy);
  return policy.deadLetterTargetArn;
}

/** Those of the functions of events; a switch leaves them out, or empty. */
function eventQueues(resources: StackResources): Partial<Endpoints['sqs']> {
  const eventsQueueUrl = findVariable(resources, 'EVENTS_QUEUE_URL');
  const eventsDlqUrl = findVariable(resources, 'EVENTS_DLQ_URL');
  const signalsQueueUrl = findVariable(resources, 'RECORDS_FIFO_QUEUE_URL');
  return {
    ...(eventsQueueUrl && { eventsQueueUrl }),
    ...(eventsDlqUrl && { eventsDlqUrl }),
    ...(signalsQueueUrl && { signalsQueueUrl }),
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
