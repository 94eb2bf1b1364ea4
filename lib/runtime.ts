import middy, { type MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';
import { createConnections } from './aws/connections.ts';
import type { BufferedMetrics } from './aws/emf-metrics.ts';
import { keyedWritesIn } from './aws/keyed-writes.ts';
import { createLambdaClient, startDurableExecution } from './aws/lambda.ts';
import { createS3Client } from './aws/s3.ts';
import { fetchSecretText } from './aws/secrets.ts';
import { changeVisibility, sendMessages } from './aws/sqs.ts';
import { createStateTable } from './aws/state-table.ts';
import { createTelemetry } from './aws/telemetry.ts';
import { type Clock, systemClock } from './core/clock.ts';
import { readConfig, requireSetting } from './core/config.ts';
import { type Deadline, deadlineAt } from './core/deadline.ts';
import { ConnectorError } from './core/errors.ts';
import { type Log, logWith } from './core/log.ts';
import { examineDeployment } from './doctor/examine.ts';
import { importActivities } from './file-import/activities.ts';
import { durableHandler } from './file-import/durable.ts';
import { favourSpeed } from './file-import/heap.ts';
import { clientsOf } from './file-import/import-scope.ts';
import { openSchedule } from './file-import/open-schedule.ts';
import { receiveDrops } from './file-import/receive-drops.ts';
import { executionName } from './file-import/schedule/import-request.ts';
import { parseInput } from './file-import/state.ts';
import { runImport } from './file-import/workflow.ts';
import { toDirectError } from './gateway/direct-invoke.ts';
import { type GatewayDeps, serve } from './gateway/serve.ts';
import type { Operation } from './operations/define-operation.ts';
import { identityBy } from './operations/identity.ts';
import { keyedWritesInMemory } from './operations/keyed-writes.ts';
import { createRecordWriter } from './record-queue/handler.ts';

/** What Lambda calls. */
export type Handler<Event = unknown, Answer = unknown> = (event: Event, context: Context) => Promise<Answer>;

/** One invocation of a function. */
export type Invocation = {
  /** Lambda's own end, less the time that reporting takes. */
  readonly deadline: Deadline;
  /** Every line carries the function and the request id. */
  readonly log: Log;
  readonly context: Context;
};

/** What a function does in an invocation. */
export type Work<Event, Answer> = {
  /** Time kept back from Lambda's own end to report the outcome, in milliseconds. */
  readonly reportingTimeMs: number;
  run(event: Event, invocation: Invocation): Promise<Answer>;
  /** The answer to an event that failed. @default throws the error by name, without its stack */
  answerError?(error: unknown, event: Event): Answer;
};

/** What the chain of a handler needs. */
export type HandlerDeps = { readonly clock: Clock; readonly log: Log; readonly metrics: BufferedMetrics };

type Chained = Context & { invocation?: Invocation };

/**
 * The one chain that every handler is made by: log context and deadline before the work, then its answer or that to its
 * error, and at the end the metrics of the invocation.
 * @param name the function's key in the template, for log lines
 * @param makeWork called by the first invocation, so that a misconfigured deployment answers with the reason
 */
function createHandler<Event, Answer>(
  name: string,
  makeWork: () => Work<Event, Answer>,
  makeDeps: () => HandlerDeps = root,
): Handler<Event, Answer> {
  const work = once(makeWork);
  const deps = once(makeDeps);
  const withInvocation: MiddlewareObj<Event, Answer, Error, Chained> = {
    before({ context }) {
      const { clock, log } = deps();
      const endMs = clock.now() + context.getRemainingTimeInMillis() - work().reportingTimeMs;
      const ofInvocation = { operation: name, requestId: context.awsRequestId };
      context.invocation = { deadline: deadlineAt(endMs, clock), log: logWith(log, ofInvocation), context };
    },
  };
  const withErrorAnswer: MiddlewareObj<Event, Answer, Error, Chained> = {
    onError(request) {
      const { answerError = throwByName } = work();
      request.response = answerError(request.error, request.event);
    },
  };
  const withErrorLog: MiddlewareObj<Event, Answer, Error, Chained> = {
    onError({ error, context }) {
      const { log } = context.invocation ?? { log: logWith(deps().log, { operation: name }) };
      logError(error, log);
    },
  };
  const run = async (event: Event, { invocation }: Chained) => {
    if (invocation === undefined) throw new Error('The chain ran the work before its first link');
    return work().run(event, invocation);
  };
  const chain = middy<Event, Answer, Error, Chained>(run, {
    timeoutEarlyInMillis: 0,
    requestEnd: () => deps().metrics.flush(),
  }).use([withInvocation, withErrorAnswer, withErrorLog]);
  return (event, context) => chain(event, context);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function throwByName(error: unknown): never {
  throw toDirectError(error);
}

/** An error that we foresaw in one line, any other with its stack. */
function logError(error: unknown, log: Log): void {
  if (error instanceof ConnectorError) {
    const transactionId = 'transactionId' in error ? String(error.transactionId ?? '') : '';
    log.warn('call-failed', {
      code: error.code,
      reason: error.message,
      ...(transactionId && { transactionId }),
    });
  } else {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    log.error('call-broke', { reason: message, stack });
  }
}

/** Kept back from Lambda's own end, so that there is time left to report that ours has passed. */
const reportingTimeMs = 500;

/** What every function of this process shares. */
const root = /* @__PURE__ */ once(() => {
  const config = readConfig();
  return { ...createTelemetry(config), config, clock: systemClock, random: Math.random };
});

/** The connections of the process: its invocations share sockets, tokens and limits. */
const connect = /* @__PURE__ */ once(() => createConnections(root()).connect);

/** What the deployment remembers. @throws ConfigurationError when it is not configured */
const stateTable = /* @__PURE__ */ once(() => {
  const { config, clock, random } = root();
  return createStateTable(requireSetting('STATE_TABLE', config.stateTable), clock, random);
});

/** Serves one operation over HTTP and to direct Invokes. */
export function operationHandler(
  operation: Operation,
  makeDeps: () => GatewayDeps & HandlerDeps = gatewayDeps,
): Handler {
  const makeWork = () => {
    const { answer, answerError } = serve(operation, makeDeps());
    const run = (event: unknown, { deadline, context }: Invocation) =>
      answer(event, { deadline, requestId: context.awsRequestId });
    return { reportingTimeMs, run, answerError };
  };
  return createHandler(operation.name, makeWork, makeDeps);
}

/** Serves one operation whose writes may carry a key: keys are remembered in the state table. */
export function keyedOperationHandler(operation: Operation): Handler {
  return operationHandler(operation, () => {
    const { config, clock } = root();
    if (!config.stateTable) return gatewayDeps();
    return { ...gatewayDeps(), keyedWrites: keyedWritesIn(stateTable, config.deployment, clock) };
  });
}

/** Without a state table, keys are remembered as long as the process lives. */
const processMemory = /* @__PURE__ */ once(keyedWritesInMemory);

function gatewayDeps(): GatewayDeps & HandlerDeps {
  const { config, ...deps } = root();
  return {
    ...deps,
    http: config.http,
    connect: connect(),
    keyedWrites: processMemory(),
    inDoubtMs: config.records.inDoubtSeconds * 1_000,
    identityOf: identityBy(config.deployment, config.records.correlationIdTables),
  };
}

/** Writes the messages of a batch; answers the ids that are not finished. */
export function recordQueueHandler() {
  return createHandler('writeRecords', () => {
    const { config, ...deps } = root();
    const write = createRecordWriter({
      ...deps,
      connect: connect(),
      queues: {
        standard: { url: config.recordsQueueUrl, deadLetterUrl: config.recordsDlqUrl },
        fifo: { url: config.recordsFifoQueueUrl, deadLetterUrl: config.recordsFifoDlqUrl },
        send: sendMessages,
        hide: changeVisibility,
      },
      settings: config.records,
      deployment: config.deployment,
      stateTable,
    });
    // It divides the time that is left by itself.
    return { reportingTimeMs: 0, run: (event: unknown, { context }) => write(event, context) };
  });
}

/** Schedules the import of every file that the messages announce; answers the ids of messages that must come again. */
export function startImportHandler() {
  return createHandler('startImport', () => {
    const { config, ...deps } = root();
    const clients = { s3: createS3Client(), lambda: createLambdaClient() };
    const schedule = openSchedule({ ...deps, ...clients, config });
    return {
      reportingTimeMs: 0,
      async run(event: unknown, { log }) {
        const { deployment } = config;
        const again = await receiveDrops({ ...deps, ...clients, schedule, deployment, log }, event);
        return { batchItemFailures: again.map((itemIdentifier) => ({ itemIdentifier })) };
      },
    };
  });
}

/** Imports one file, as a durable execution. */
export function importHandler() {
  favourSpeed();
  return createHandler('importCsv', () => {
    const { config, clock, random, log } = root();
    const clientFor = clientsOf(connect());
    const s3 = createS3Client();
    const lambda = createLambdaClient();
    const functionArn = requireSetting('IMPORT_FUNCTION_ARN', config.importFunctionArn);
    const schedule = openSchedule({ config, s3, lambda, clock, random, log });
    const execute = durableHandler((event, remainingMs, durable) => {
      const input = parseInput(event);
      const deadline = deadlineAt(clock.now() + remainingMs, clock);
      const scope = { s3, clientFor, clock, log, deadline, correlationId: executionName(input.request) };
      const startExecution = async (name: string, next: unknown) => {
        await startDurableExecution(lambda, { functionArn, name, input: next });
      };
      return runImport(durable, importActivities({ scope, schedule, startExecution }), input);
    });
    const run = (event: Parameters<typeof execute>[0], { context }: Invocation) => execute(event, context);
    return { reportingTimeMs: 0, run };
  });
}

/** Checks the deployment from inside. */
export function doctorHandler() {
  return createHandler('doctor', () => {
    const { config, clock } = root();
    const run = (event: unknown, { deadline, context }: Invocation) =>
      examineDeployment(
        event,
        { config, clock, fetchSecret: fetchSecretText },
        {
          deadline,
          correlationId: context.awsRequestId,
        },
      );
    return { reportingTimeMs: 1_000, run };
  });
}
