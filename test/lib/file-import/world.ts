import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import { AwsError } from '../../../emulator/aws/aws-error.ts';
import { IN_MEMORY } from '../../../emulator/aws/database.ts';
import type { Permit } from '../../../emulator/aws/iam/access-control.ts';
import { startS3 } from '../../../emulator/aws/s3/s3.ts';
import { type InstanceOptions, startInstance } from '../../../emulator/instance/index.ts';
import { listObjects, readText } from '../../../lib/aws/s3.ts';
import { type Clock, type Deadline, deadlineAt } from '../../../lib/core/clock.ts';
import { currentLogFields, type Log, type LogFields } from '../../../lib/core/log.ts';
import { importActivities } from '../../../lib/file-import/activities.ts';
import { answerSuperseded, noteLostImport, reportUnanswered } from '../../../lib/file-import/answer-drop.ts';
import type { ImportInput } from '../../../lib/file-import/import-input.ts';
import type { ImportDeps } from '../../../lib/file-import/instance.ts';
import { receiveDrops, requestOf } from '../../../lib/file-import/receive-drops.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import { earlierDrops } from '../../../lib/file-import/schedule/event-dedup.ts';
import { type ImportRequest, parseDropKey } from '../../../lib/file-import/schedule/import-request.ts';
import { Redrops } from '../../../lib/file-import/schedule/redrops.ts';
import { createSchedule } from '../../../lib/file-import/schedule/schedule.ts';
import { runImport } from '../../../lib/file-import/workflow.ts';
import { createClient } from '../../../lib/servicenow/client.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { memoryStateTable } from '../aws/memory-state-table.ts';
import { readObject } from '../aws/read-object.ts';
import { loadData, loadSchema } from './load-table.ts';
import { type Memory, memoryDurable } from './memory-durable.ts';

export const bucket = 'drops';

/** Nine attempts or so. */
const longestOutageMs = 600_000;

/** A clock on which waits pass at once. `waitedMs` is how long they were, whatever the machine took meanwhile. */
export function jumpingClock(): Clock & { advance(ms: number): void; waitedMs(): number } {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    async sleep(ms) {
      ahead += ms;
      await delay(1);
    },
    advance(ms) {
      ahead += ms;
    },
    waitedMs: () => ahead,
  };
}

/** A log whose lines are seen as they are written, no redactor between. */
function logInto(watch: SecrecyWatch, lines: LogFields[]): Log {
  const write = (event: string, fields?: LogFields) => {
    const line = { ...currentLogFields(), event, ...fields };
    lines.push(line);
    watch.onLog(JSON.stringify(line));
  };
  return { debug: write, info: write, warn: write, error: write };
}

/** The deadline of an invocation that has only begun, however far the clock jumps. */
function wholeInvocation(clock: Clock): Deadline {
  const wholeMs = 900_000;
  return {
    get atMs() {
      return clock.now() + wholeMs;
    },
    remainingMs: () => wholeMs,
    passed: (needMs = 1) => needMs > wholeMs,
    within: (ms) => deadlineAt(clock.now() + Math.min(ms, wholeMs), clock),
  };
}

/**
 * An instance and a bucket of their own, and imports that run in this process.
 * @param sharesClock the instance goes by the clock of the imports, on which waits pass at once
 * @param callerColumn as the deployment names it
 */
export async function startWorld(
  options: Partial<InstanceOptions> = {},
  sharesClock = false,
  callerColumn?: string,
) {
  const folder = await mkdtemp(join(tmpdir(), 'imports-'));
  const clock = jumpingClock();
  /** Calls of AWS that are refused. */
  const denied = new Set<string>();
  const permit: Permit = (_, ...calls) => {
    const [call] = calls.filter(({ action }) => denied.has(action));
    if (call) throw new AwsError('AccessDenied', `not authorized to perform ${call.action}`, 403);
  };
  const storage = await startS3({ folder, databaseFile: IN_MEMORY, clock, permit });
  const watch = new SecrecyWatch();
  const user = { userName: 'watched.user', password: watch.secret('password'), roles: ['admin'] };
  const lines: LogFields[] = [];
  const log = logInto(watch, lines);
  const instance = await startInstance({
    schema: loadSchema,
    data: loadData,
    ...(sharesClock && { clock }),
    ...options,
    accounts: [...(options.accounts ?? []), user],
    switches: { transformDelayMs: 0, ...options.switches },
  });
  const s3 = new S3Client({
    region: 'us-east-1',
    endpoint: storage.url,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    forcePathStyle: true,
  });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const newClient = () =>
    createClient({
      readSecret: async () =>
        JSON.stringify({
          instanceUrl: instance.url,
          auth: { type: 'basic', username: user.userName, password: user.password },
        }),
      allowedHosts: ['127.0.0.1'],
      backOff: { baseMs: 1, capMs: 2 },
      log,
    });
  const client = newClient();
  const table = memoryStateTable(clock);
  /** Imports that the schedule started, and delays of the wake-up messages that it sent. */
  const started: ImportRequest[] = [];
  const wakes: number[] = [];
  const schedule = createSchedule({
    noteLost: (request) => noteLostImport({ s3, clock, log }, request),
    noteSuperseded: (request, by) => answerSuperseded({ s3, clock, log }, request, by),
    reportUnanswered: (request, what) => reportUnanswered({ s3, clock, log }, request, what),
    table,
    clock,
    log,
    maxConcurrent: 2,
    start: async (request) => void started.push(request),
    wake: async (delaySeconds) => void wakes.push(delaySeconds),
    earlierDrops: (request, sinceMs) => earlierDrops(s3, request, sinceMs, log),
  });
  const redrops = new Redrops(table, clock);
  const redropper = 'AROAREDROP00';
  const receiving = {
    s3,
    schedule,
    clock,
    log,
    deployment: 'test',
    redrops,
    trustedSenders: [redropper],
    tagsDrops: true,
  };

  const world = {
    instance,
    s3,
    clock,
    client,
    schedule,
    table,
    started,
    wakes,
    watch,
    redrops,
    log,
    denied,
    /** Id of the role that drops files again. */
    redropper,
    /** What was logged. */
    lines,
    /** Hands messages to startImport. @returns the ids of those that have to be delivered again */
    receive: (...messages: readonly { readonly messageId: string; readonly body: string }[]) =>
      receiveDrops(receiving, { Records: messages }),
    /** Stores a file below `imports/` and says what its event would say. */
    async drop(
      key: string,
      body: string | Uint8Array,
      droppedBy?: string,
      more: Partial<PutObjectCommandInput> = {},
    ): Promise<ImportRequest> {
      const { ETag, VersionId } = await s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }),
      );
      const drop = parseDropKey(key);
      if (!('table' in drop)) throw new Error(`${key} is not an import file`);
      const object = {
        bucket,
        key,
        ...(VersionId ? { versionId: VersionId } : {}),
        eTag: (ETag ?? '').replaceAll('"', ''),
        size: Buffer.byteLength(body),
        droppedAt: new Date(clock.now()).toISOString(),
        sequencer: Date.now().toString(16),
      };
      return requestOf(receiving, object, drop, droppedBy);
    },
    /** Stores an object as it is. */
    async put(Key: string, Body: string): Promise<void> {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    },
    async delete(Key: string): Promise<void> {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    },
    async settings(table: string, settings: object): Promise<void> {
      const Key = `imports/${table}/_import.json`;
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(settings) }));
    },
    scope: (clientFor: ImportDeps['clientFor']) => ({
      s3,
      clientFor,
      clock,
      log,
      deadline: wholeInvocation(clock),
      correlationId: randomUUID(),
      callerColumn,
    }),
    /** Runs an import, chained executions included, to its summary. `memory` lets a broken run go on. */
    async run(
      request: ImportRequest,
      memory: Memory = new Map(),
      clientFor: ImportDeps['clientFor'] = () => client,
    ): Promise<ImportSummary> {
      await schedule.receive(request);
      return world.goOn({ request }, memory, clientFor);
    },
    /** Runs an import from where its input says that an execution has left it. */
    async goOn(
      begun: ImportInput,
      memory: Memory = new Map(),
      clientFor: ImportDeps['clientFor'] = () => client,
    ): Promise<ImportSummary> {
      const chained: ImportInput[] = [];
      let input = begun;
      for (let part = 1; ; part++) {
        const remembered: Memory = part === 1 ? memory : new Map();
        const activities = importActivities({
          scope: world.scope(clientFor),
          schedule,
          redrops,
          startExecution: async (_, next) => void chained.push(next),
        });
        const answer = await runImport(memoryDurable(remembered, clock), activities, input, {
          longestOutageMs,
        });
        if (!('continuedBy' in answer)) return answer;
        const next = chained.pop();
        if (!next) throw new Error('nothing was chained');
        input = JSON.parse(JSON.stringify(next));
      }
    },
    async read(key: string): Promise<string> {
      const stored = await readText(s3, { bucket, key });
      if (!stored) throw new Error(`no ${key}`);
      return stored.text;
    },
    bytes: (key: string) => readObject(s3, { bucket, key }),
    async keys(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of listObjects(s3, bucket, prefix)) keys.push(key);
      return keys;
    },
    /** Secrets and record contents that were seen where they must not be: in log lines, or in what the bucket holds. */
    async leaks(): Promise<string[]> {
      for (const key of await world.keys('')) {
        const text = await world.read(key);
        if (/(summary|progress)\.json$|\.html$/.test(key)) watch.seeOurs(key, text);
        else watch.see(key, text);
      }
      return watch.leaks();
    },
    /** Names of the imports that wait or hold a lease. */
    async waiting(): Promise<string[]> {
      const places = await table.query('import-wait-list');
      const running = await table.query('import-schedule');
      return [...places, ...running].flatMap(({ sk, leases }) =>
        Array.isArray(leases) ? leases.map(String) : sk,
      );
    },
    /** Rows of a table of the instance. */
    rows: (table: string) => instance.state.store.select(table, {}),
    async close(): Promise<void> {
      await client.close();
      s3.destroy();
      await instance.close();
      await storage.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

export type World = Awaited<ReturnType<typeof startWorld>>;
