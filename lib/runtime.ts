import { alarmPast, alarmTags, describeAlarms, unsuppressedAlarms } from './aws/alarms.ts';
import { createConnections } from './aws/connections.ts';
import { EffectLedger } from './aws/effect-ledger.ts';
import { sendToBus } from './aws/event-bus.ts';
import { getFindings, getFindingsOfControl, getFindingsV2 } from './aws/findings.ts';
import { inspectAws } from './aws/inspection.ts';
import { keyedWritesIn } from './aws/keyed-writes.ts';
import { createLambdaClient, startDurableExecution } from './aws/lambda.ts';
import { createS3Client } from './aws/s3.ts';
import { fetchSecretText } from './aws/secrets.ts';
import { changeVisibility, sendMessage, sendMessages } from './aws/sqs.ts';
import { createStateTable } from './aws/state-table.ts';
import { createTelemetry } from './aws/telemetry.ts';
import { type Deadline, deadlineAt, systemClock } from './core/clock.ts';
import { readBucketKeys, readConfig, requireSetting } from './core/config.ts';
import { once } from './core/shared-work.ts';
import { examineDeployment } from './doctor/examine.ts';
import { createEnqueueSignal } from './events/enqueue-signal.ts';
import { createEventsHandler } from './events/handle-events.ts';
import { loadMappings } from './events/load-mappings.ts';
import { createMapper } from './events/map-event.ts';
import { reconcile } from './events/reconcile.ts';
import { importActivities } from './file-import/activities.ts';
import { durableHandler, favourSpeed } from './file-import/execution.ts';
import { parseInput } from './file-import/import-input.ts';
import { clientsOf } from './file-import/instance.ts';
import { openSchedule, receiveDrops } from './file-import/receive-drops.ts';
import { executionName } from './file-import/schedule/import-request.ts';
import { Redrops } from './file-import/schedule/redrops.ts';
import { runImport } from './file-import/workflow.ts';
import type { GatewayDeps } from './gateway/carry-out.ts';
import { serve } from './gateway/serve.ts';
import { createHandler, type Handler, type HandlerDeps, type Invocation } from './handler-chain.ts';
import type { Operation } from './operations/define-operation.ts';
import { deriveSysId, identityBy } from './operations/identity.ts';
import { keyedWritesInMemory } from './operations/keyed-writes.ts';
import { createOutcomes } from './outcomes/outcomes.ts';
import { createRecordWriter } from './record-queue/handler.ts';
import { redriveDue } from './record-queue/redrive-due.ts';

/** Kept back from Lambda's own end, so that there is time left to report that ours has passed. */
const reportingTimeMs = 500;

/** What every function of this process shares. */
const root = /* @__PURE__ */ once(() => {
  const config = readConfig();
  const { log, metrics } = createTelemetry(config);
  const send = config.outcomeBus === undefined ? undefined : sendToBus(config.outcomeBus, log);
  const outcomes = createOutcomes({ deployment: config.deployment, metrics, clock: systemClock, send });
  return { log, metrics, outcomes, config, clock: systemClock, random: Math.random };
});

/** The connections of the process: its invocations share sockets, tokens and limits. */
const connect = /* @__PURE__ */ once(() => {
  const onRejection = (instance: string) =>
    root().outcomes.report({ type: 'Credentials Rejected', instance });
  return createConnections({ ...root(), onRejection }).connect;
});

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
    const { deployment } = config;
    const sysIdOf = (table: string, key: string) => deriveSysId(deployment, table, key);
    const openLedger = (instance: string, deadline: Deadline) =>
      new EffectLedger(stateTable, { deployment, instance, sysIdOf }, clock, deadline);
    return { ...gatewayDeps(), keyedWrites: keyedWritesIn(stateTable, deployment, clock), openLedger };
  });
}

/** Without a state table, keys are remembered as long as the process lives. */
const processMemory = /* @__PURE__ */ once(keyedWritesInMemory);

function gatewayDeps(): GatewayDeps & HandlerDeps {
  const { config, ...deps } = root();
  return {
    ...deps,
    http: config.http,
    callerColumn: config.callerColumn,
    connect: connect(),
    keyedWrites: processMemory(),
    inDoubtMs: config.records.inDoubtSeconds * 1_000,
    identityOf: identityBy(config.deployment, config.records.correlationIdTables),
  };
}

/** Serves the operation that puts signals on the FIFO records queue. */
export function signalHandler(operation: Operation): Handler {
  return operationHandler(operation, () => {
    const { recordsFifoQueueUrl: url } = root().config;
    if (!url) return gatewayDeps();
    return { ...gatewayDeps(), enqueueSignal: createEnqueueSignal(url, sendMessage) };
  });
}

/** Maps the events of a batch to signals; answers the ids of messages that must come again. */
export function eventsHandler() {
  return createHandler(
    'mapEvents',
    () => {
      const { config, ...deps } = root();
      const pair = { url: config.eventsQueueUrl, deadLetterUrl: config.eventsDlqUrl };
      const transport = { send: sendMessages, hide: changeVisibility };
      const queues = { standard: pair, fifo: pair, reportedAs: 'events', ...transport } as const;
      const signalsQueueUrl = requireSetting('RECORDS_FIFO_QUEUE_URL', config.recordsFifoQueueUrl);
      const ofDeployment = { settings: config.records, deployment: config.deployment, stateTable };
      const handling = once(async () => {
        const mapper = createMapper(await loadMappings());
        return createEventsHandler({
          ...deps,
          ...ofDeployment,
          mapper,
          queues,
          send: sendMessages,
          signalsQueueUrl,
        });
      });
      const run = async (event: unknown, { context }: Invocation) => (await handling())(event, context);
      return { reportingTimeMs: 0, run };
    },
    root,
  );
}

/** Asks the sources about open records; answers what it asked and sent. */
export function reconcileHandler() {
  return createHandler(
    'reconcileEvents',
    () => {
      const { config, ...deps } = root();
      const signalsQueueUrl = requireSetting('RECORDS_FIFO_QUEUE_URL', config.recordsFifoQueueUrl);
      const instances = [...config.instances.keys()];
      const run = async (_event: unknown, { deadline, log, context }: Invocation) => {
        const mappings = await loadMappings();
        const [, , , region = '', account = ''] = context.invokedFunctionArn.split(':');
        return reconcile(account, deadline, {
          ...{ ...deps, ...mappings, log, instances, signalsQueueUrl, stateTable, connect: connect() },
          ...{
            mapper: createMapper(mappings),
            region,
            sources: {
              ...{ alarmPast, alarmTags, describeAlarms, unsuppressedAlarms },
              ...{ getFindings, getFindingsOfControl, getFindingsV2 },
            },
          },
          ...{ deployment: config.deployment, send: sendMessages },
        });
      };
      return { reportingTimeMs: 1_000, run };
    },
    root,
  );
}

/** Writes the messages of a batch; answers the ids that are not finished. */
export function recordQueueHandler() {
  return createHandler(
    'writeRecords',
    () => {
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
        callerColumn: config.callerColumn,
        trustedSenders: config.trustedSenders,
      });
      // It divides the time that is left by itself.
      return { reportingTimeMs: 0, run: (event: unknown, { context }) => write(event, context) };
    },
    root,
  );
}

/** Moves letters back whose reason passes by itself; answers how many, for each queue. */
export function redriveHandler() {
  return createHandler(
    'redriveRecords',
    () => {
      const { config } = root();
      const { deployment, trustedSenders } = config;
      const { recordsFifoQueueUrl: queueUrl, recordsFifoDlqUrl: deadLetterUrl } = config;
      const letters = {
        standard: {
          queueUrl: requireSetting('RECORDS_QUEUE_URL', config.recordsQueueUrl),
          deadLetterUrl: requireSetting('RECORDS_DLQ_URL', config.recordsDlqUrl),
        },
        fifo: queueUrl && deadLetterUrl ? { queueUrl, deadLetterUrl } : undefined,
        remembered: { stateTable: stateTable(), deployment },
        trustedSenders,
      };
      const run = (_event: unknown, { deadline, log }: Invocation) => redriveDue(letters, deadline, log);
      // The letters that were looked at are shown again in this time.
      return { reportingTimeMs: 20_000, run };
    },
    root,
  );
}

/** Imports that are dropped again by schedule. */
const redrops = /* @__PURE__ */ once(() => new Redrops(stateTable(), root().clock));

/** Drops files again whose imports were given up for something that passes; answers how many. */
export function redropHandler() {
  return createHandler(
    'redropImports',
    () => {
      const s3 = createS3Client();
      return {
        reportingTimeMs: 1_000,
        run: (_event: unknown, { deadline, log }: Invocation) => redrops().dropDue(s3, log, deadline),
      };
    },
    root,
  );
}

/** Schedules the import of every file that the messages announce; answers the ids of messages that must come again. */
export function startImportHandler() {
  return createHandler(
    'startImport',
    () => {
      const { config, ...deps } = root();
      const clients = { s3: createS3Client(), lambda: createLambdaClient() };
      const schedule = openSchedule({ ...deps, ...clients, config });
      return {
        reportingTimeMs: 0,
        async run(event: unknown, { log }) {
          const { deployment, importBucket: bucket, redropsImports, tagsDrops, trustedSenders } = config;
          const receive = {
            ...{ ...deps, ...clients, schedule, deployment, bucket, log, trustedSenders, tagsDrops },
            redrops: redropsImports ? redrops() : undefined,
          };
          const again = await receiveDrops(receive, event);
          return { batchItemFailures: again.map((itemIdentifier) => ({ itemIdentifier })) };
        },
      };
    },
    root,
  );
}

/** Imports one file, as a durable execution. */
export function importHandler() {
  favourSpeed();
  return createHandler(
    'importCsv',
    () => {
      const { config, clock, random, log, outcomes } = root();
      const clientFor = clientsOf(connect(), config.dropInstances);
      const s3 = createS3Client();
      const lambda = createLambdaClient();
      const functionArn = requireSetting('IMPORT_FUNCTION_ARN', config.importFunctionArn);
      const schedule = openSchedule({ config, s3, lambda, clock, random, log, outcomes });
      const execute = durableHandler((event, remainingMs, durable) => {
        const input = parseInput(event);
        const deadline = deadlineAt(clock.now() + remainingMs, clock);
        const scope = {
          s3,
          clientFor,
          clock,
          log,
          outcomes,
          deadline,
          correlationId: executionName(input.request),
          callerColumn: config.callerColumn,
        };
        const startExecution = async (name: string, next: unknown) => {
          await startDurableExecution(lambda, { functionArn, name, input: next });
        };
        const ofSchedule = { schedule, redrops: config.redropsImports ? redrops() : undefined };
        return runImport(durable, importActivities({ scope, ...ofSchedule, startExecution }), input);
      });
      const run = (event: Parameters<typeof execute>[0], { context }: Invocation) => execute(event, context);
      return { reportingTimeMs: 0, run };
    },
    root,
  );
}

/** Checks the deployment from inside. */
export function doctorHandler() {
  return createHandler(
    'doctor',
    () => {
      const { config, clock } = root();
      const run = (event: unknown, { deadline, context }: Invocation) =>
        examineDeployment(
          event,
          { config, bucketKeys: readBucketKeys(), clock, fetchSecret: fetchSecretText, aws: inspectAws() },
          {
            deadline,
            correlationId: context.awsRequestId,
          },
        );
      return { reportingTimeMs: 1_000, run };
    },
    root,
  );
}
