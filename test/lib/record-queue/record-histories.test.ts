import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import type {
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from '../../../lib/servicenow/call.ts';
import { AnswerLostError, UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import { ServiceNowError } from '../../../lib/servicenow/service-now-error.ts';
import type { TestMessage } from './emulated-queue.ts';
import { incidents, queue, start } from './writing.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const histories = Number(process.env['HISTORIES'] ?? 4);

/** A process of the function: once dead, none of its calls is answered. */
type Process = { isDead: boolean; readonly death: PromiseWithResolvers<'died'> };

/** Everything that may go wrong between the function, the instance and the state table, at random. */
class Chaos {
  readonly #random: () => number;
  readonly #process = new AsyncLocalStorage<Process>();
  #atWork: { readonly call: Promise<unknown>; readonly sentMs: number }[] = [];
  readonly counts: Record<string, number> = {};
  isOn = true;
  /** The time of the story. */
  nowMs = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** Delivers in a process of its own. @returns the ids that come back, all of them when the process dies */
  async deliver(messages: readonly TestMessage[]): Promise<readonly string[]> {
    const process: Process = { isDead: false, death: Promise.withResolvers() };
    queue.restart();
    const delivered = this.#process.run(process, () => queue.deliver(messages));
    const unfinished = await Promise.race([delivered, process.death.promise]);
    return unfinished === 'died' ? messages.map(({ id }) => id) : unfinished;
  }

  /** Waits for what was sent to the instance until then: it works on nothing for longer than `inDoubtMs`. */
  async instanceIsDone(untilMs: number): Promise<void> {
    const old = this.#atWork.filter(({ sentMs }) => sentMs <= untilMs);
    this.#atWork = this.#atWork.filter(({ sentMs }) => sentMs > untilMs);
    await Promise.all(old.map(({ call }) => call));
  }

  readonly throughClient = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send: (request) => this.#make(() => this.#send(client, request)),
  });

  readonly throughTable = (table: StateTable): StateTable => {
    const call = <T>(work: () => Promise<T>): Promise<T> =>
      this.#make(async () => {
        const isAway = this.#strikes('state table away', 0.02);
        if (isAway && this.below(2) === 0) throw new StateUnavailableError('away');
        const answer = await work();
        if (isAway) throw new StateUnavailableError('away');
        return answer;
      });
    return {
      read: (...given) => call(() => table.read(...given)),
      readMany: (...given) => call(() => table.readMany(...given)),
      writeMany: (...given) => call(() => table.writeMany(...given)),
      put: (...given) => call(() => table.put(...given)),
      update: (...given) => call(() => table.update(...given)),
      delete: (...given) => call(() => table.delete(...given)),
      query: (...given) => call(() => table.query(...given)),
    };
  };

  async #send(client: ServiceNowClient, request: ServiceNowRequest): Promise<ServiceNowResponse> {
    const isRead = request.repeatable === 'read';
    if (!isRead && this.#strikes('late copy', 0.15)) {
      this.#running(delay(this.below(80)).then(() => client.send(request)));
      if (request.repeatable !== 'keyed' || this.below(3) === 0) throw lost(request);
      const answer = await this.#running(client.send(request)).catch(refusedAgain);
      return { ...answer, attempts: 2, isRepeat: true };
    }
    if (this.#strikes('not made', 0.05)) throw lost(request);
    const answer = await this.#running(client.send(request));
    if (this.#strikes('answer lost', 0.08)) throw lost(request);
    return answer;
  }

  /** The instance goes on with a call though its caller is gone. */
  #running<T>(call: Promise<T>): Promise<T> {
    this.#atWork.push({ call: call.catch(() => undefined), sentMs: this.nowMs });
    return call;
  }

  async #make<T>(call: () => Promise<T>): Promise<T> {
    const process = this.#process.getStore();
    await delay(this.below(this.#strikes('stall', 0.1) ? 200 : 8));
    if (process?.isDead) return never();
    const dies = this.#strikes('death', 0.02);
    if (dies && this.below(2) === 0) return this.#die(process);
    const answer = await call().catch((error: unknown) =>
      process?.isDead ? never<T>() : Promise.reject(error),
    );
    return dies || process?.isDead ? this.#die(process) : answer;
  }

  #die<T>(process: Process | undefined): Promise<T> {
    if (process) process.isDead = true;
    process?.death.resolve('died');
    return never();
  }

  #strikes(name: string, probability: number): boolean {
    if (!this.isOn || this.#random() >= probability) return false;
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    return true;
  }
}

/** As the client does: an earlier copy may have taken effect, or even caused the refusal. */
function refusedAgain(error: unknown): never {
  if (error instanceof ServiceNowError) Object.assign(error, { effect: 'unknown', attempts: 2 });
  throw error;
}

function lost({ method, path, repeatable }: ServiceNowRequest): Error {
  const failure = { method, path };
  return repeatable === 'read'
    ? new AnswerLostError('lost', failure)
    : new UnknownOutcomeError('lost', { ...failure, effect: 'unknown' });
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

/** What happens to one record, which is gone in the end. Copies of a message have one key. */
type Story = {
  /** The record is there beforehand. */
  readonly isSeeded?: boolean;
  readonly correlationIdTables?: string;
  readonly writes: (run: string) => readonly TestMessage[];
  readonly isOurs: (row: Readonly<Record<string, unknown>>, run: string) => boolean;
};

const seededSysId = (run: string) => run.padEnd(32, '0');
const copies = (count: number, run: string, body: object): readonly TestMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `${run}-w${index}`,
    key: `${run}-w`,
    body: { table: 'incident', ...body },
  }));
const isShown = (row: Readonly<Record<string, unknown>>, run: string) => row['correlation_display'] === run;

const stories: Readonly<Record<string, Story>> = {
  'creates, and deletes of what they make': {
    writes: (run) => copies(3, run, { record: { correlation_display: run, work_notes: 'made' } }),
    isOurs: isShown,
  },
  'upserts, and deletes of what they make': {
    writes: (run) =>
      copies(3, run, { action: 'upsert', match: { correlation_display: run }, record: { comments: 'seen' } }),
    isOurs: isShown,
  },
  'creates in a table of correlationIdTables, and deletes of what they make': {
    correlationIdTables: 'incident',
    writes: (run) => copies(3, run, { record: { correlation_display: run } }),
    isOurs: isShown,
  },
  'upserts in a table of correlationIdTables, and deletes of what they make': {
    correlationIdTables: 'incident',
    writes: (run) =>
      copies(3, run, { action: 'upsert', match: { correlation_display: run }, record: { urgency: '1' } }),
    isOurs: isShown,
  },
  'updates with notes, and deletes of their record': {
    isSeeded: true,
    writes: (run) =>
      copies(3, run, {
        action: 'update',
        sysId: seededSysId(run),
        record: { work_notes: 'seen', urgency: '1' },
      }),
    isOurs: isShown,
  },
};

type Waiting = { readonly message: TestMessage; readonly receiveCount: number; readonly dueMs: number };

/** Longer than SQS hides what a process that died had received, and than the instance works on a write. */
const visibilityMs = 361_000;
const inDoubtMs = 60_000;

/** Delivers the messages until all are done; deletes are sent as soon as the record is there. */
async function play(story: Story, run: string, chaos: Chaos): Promise<void> {
  let nowMs = 0;
  chaos.nowMs = 0;
  let waiting: readonly Waiting[] = story
    .writes(run)
    .map((message) => ({ message, receiveCount: 1, dueMs: chaos.below(2) * 2_000 }));
  let areDeleted = false;
  chaos.isOn = true;
  for (let round = 0; waiting.length > 0 || !areDeleted; round += 1) {
    if (round > 60) throw new Error(`never done: ${waiting.map(({ message }) => message.id).join()}`);
    if (round === 20) chaos.isOn = false;
    const nextMs = Math.min(...waiting.map(({ dueMs }) => dueMs));
    if (waiting.length > 0 && nextMs > nowMs) {
      await chaos.instanceIsDone(nextMs - inDoubtMs);
      queue.later(nextMs - nowMs);
      nowMs = nextMs;
      chaos.nowMs = nowMs;
    }
    const due = waiting.filter(({ dueMs }) => dueMs <= nowMs);
    const deliveries = due.map((one) => deliver(one, nowMs, chaos));
    if (!areDeleted) {
      const found = await seen(story, run);
      if (found !== undefined) {
        areDeleted = true;
        const deletes = Array.from({ length: 2 }, (_, index) => ({
          message: {
            id: `${run}-d${index}`,
            key: `${run}-d`,
            body: { action: 'delete', table: 'incident', sysId: found },
          },
          receiveCount: 1,
          dueMs: nowMs,
        }));
        deliveries.push(...deletes.map((one) => deliver(one, nowMs, chaos)));
      }
    }
    waiting = [...waiting.filter((one) => !due.includes(one)), ...(await Promise.all(deliveries)).flat()];
  }
  await chaos.instanceIsDone(nowMs);
}

/** The sys_id of the record of a story, once it is there. */
async function seen({ isOurs }: Story, run: string): Promise<string | undefined> {
  for (let look = 0; look < 60; look += 1) {
    const found = incidents().find((row) => isOurs(row, run));
    if (found) return String(found['sys_id']);
    await delay(2);
  }
  return undefined;
}

async function deliver(one: Waiting, nowMs: number, chaos: Chaos): Promise<readonly Waiting[]> {
  const { message, receiveCount } = one;
  queue.hidden.delete(`receipt-${message.id}`);
  const unfinished = await chaos.deliver([{ ...message, receiveCount }]);
  if (unfinished.length === 0) return [];
  const hiddenMs = (queue.hidden.get(`receipt-${message.id}`) ?? visibilityMs / 1000) * 1000;
  return [{ message, receiveCount: Math.min(90, receiveCount + 1), dueMs: nowMs + hiddenMs }];
}

it.each(Object.entries(stories))(
  `leave nothing behind and refuse nothing, whatever comes late, twice or never: %s (SEED=${seed})`,
  async (_name, story) => {
    const chaos = new Chaos(seededRandom(seed));
    await start({
      through: chaos.throughClient,
      throughTable: chaos.throughTable,
      environment: { CORRELATION_ID_TABLES: story.correlationIdTables ?? '' },
      // In every second run lists show late what was written.
      instance: { switches: { lookupLagMs: seed % 2 === 0 ? 0 : 150 } },
    });
    for (let index = 0; index < histories; index += 1) {
      const run = `a${index.toString(16)}f`;
      if (story.isSeeded)
        queue.instance.state.store.seed('incident', { sys_id: seededSysId(run), correlation_display: run });
      await play(story, run, chaos);
      const left = incidents().filter((row) => story.isOurs(row, run)).length;
      expect({ run, left, letters: queue.deadLetters }).toEqual({ run, left: 0, letters: [] });
    }
    if (process.env['HISTORIES']) process.stdout.write(`${JSON.stringify(chaos.counts)}\n`);
  },
  600_000,
);
