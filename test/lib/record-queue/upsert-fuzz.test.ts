import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import type {
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from '../../../lib/servicenow/call.ts';
import { AnswerLostError, UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';
import type { TestMessage } from './emulated-queue.ts';
import { incidents, queue, start } from './writing.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const histories = Number(process.env['HISTORIES'] ?? 2);

/** Longer than SQS hides what a process that died had received, and than the instance works on a write. */
const visibilityMs = 361_000;
const inDoubtMs = 60_000;

type Process = { isDead: boolean; readonly beganMs: number; readonly death: PromiseWithResolvers<'died'> };

/** Makes one call at a time, in an order that the seed decides. */
class World {
  readonly counts: Record<string, number> = {};
  readonly #random: () => number;
  readonly #process = new AsyncLocalStorage<Process>();
  #open: (() => Promise<void>)[] = [];
  #isRunning = false;
  /** Writes that the instance carries out later than their caller waits. */
  #late: { readonly atMs: number; readonly commit: () => Promise<unknown> }[] = [];
  nowMs = 0;
  isCalm = false;
  /** What the instance did for each key: the sys_ids of records made and written to. */
  readonly made = new Map<string, string[]>();
  readonly written = new Map<string, string[]>();
  readonly closedAtMs = new Map<string, number>();
  readonly faults: string[] = [];
  lives: string[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  strikes(name: string, probability: number): boolean {
    if (this.isCalm || this.#random() >= probability) return false;
    this.occurred(name);
    return true;
  }

  occurred(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    this.lives.push(name);
  }

  /** Delivers in a process of its own. @returns the ids that come back, all of them when the process dies */
  async deliver(messages: readonly TestMessage[]): Promise<readonly string[]> {
    const process: Process = { isDead: false, beganMs: this.nowMs, death: Promise.withResolvers() };
    queue.restart();
    const delivered = this.#process.run(process, () => queue.deliver(messages));
    const unfinished = await Promise.race([delivered, process.death.promise]);
    return unfinished === 'died' ? messages.map(({ id }) => id) : unfinished;
  }

  /** Lets time pass; what comes late is carried out on the way. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = this.#late.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > untilMs) break;
      this.#late = this.#late.filter((one) => one !== next);
      this.#goTo(next.atMs);
      await next.commit();
    }
    this.#goTo(untilMs);
  }

  #goTo(ms: number): void {
    if (ms <= this.nowMs) return;
    queue.later(ms - this.nowMs);
    this.nowMs = ms;
  }

  /** Does something at a time between the calls of the processes. */
  async between<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#open.push(async () => work().then(resolve, reject));
    void this.#run();
    return promise;
  }

  readonly throughClient = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send: (request) => this.#make(() => this.#send(client, request), request.path),
  });

  readonly throughTable = (table: StateTable): StateTable => {
    const call = <T>(name: string, work: () => Promise<T>): Promise<T> => this.#make(work, name);
    return {
      read: (...given) => call('read', () => table.read(...given)),
      readMany: (...given) => call('readMany', () => table.readMany(...given)),
      writeMany: (...given) => call(`writeMany ${JSON.stringify(given[0])}`, () => table.writeMany(...given)),
      put: (...given) => call(`put ${JSON.stringify(given)}`, () => table.put(...given)),
      update: (...given) => call(`update ${JSON.stringify(given)}`, () => table.update(...given)),
      delete: (...given) => call('delete', () => table.delete(...given)),
      query: (...given) => call('query', () => table.query(...given)),
    };
  };

  async #send(client: ServiceNowClient, request: ServiceNowRequest): Promise<ServiceNowResponse> {
    const commit = () => this.#commit(client, request);
    if (request.repeatable === 'read') {
      if (this.strikes('look lost', 0.03)) throw lost(request);
      return client.send(request);
    }
    if (this.strikes('late commit', 0.25)) {
      // Seldom at once, at times at the very last moment.
      const afterMs = this.below(3) === 0 ? this.below(2_000) : this.below(inDoubtMs - 2_000);
      this.#late.push({ atMs: this.nowMs + afterMs, commit: () => commit().catch(() => undefined) });
      throw lost(request);
    }
    if (this.strikes('not made', 0.1)) throw lost(request);
    const answer = await commit();
    if (this.strikes('answer lost', 0.15)) throw lost(request);
    return answer;
  }

  async #commit(client: ServiceNowClient, request: ServiceNowRequest): Promise<ServiceNowResponse> {
    const process = this.#process.getStore();
    const before = new Map(incidents().map((row) => [row['sys_id'], row['sys_mod_count']]));
    const answer = await client.send(request).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    // What the user may not read is refused though it is made.
    const changed = incidents().find((row) => before.get(row['sys_id']) !== row['sys_mod_count']);
    const { short_description: key } = (request.body ?? {}) as { readonly short_description?: string };
    if (changed && key !== undefined)
      this.#note(key, String(changed['sys_id']), request.method === 'POST', process);
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  #note(key: string, sysId: string, isNew: boolean, process: Process | undefined): void {
    this.lives.push(`${isNew ? 'made' : 'written'} ${sysId} by ${key}`);
    const list = isNew ? this.made : this.written;
    list.set(key, [...(list.get(key) ?? []), sysId]);
    const closedAtMs = this.closedAtMs.get(sysId);
    if (!isNew && process && closedAtMs !== undefined && closedAtMs < process.beganMs)
      this.faults.push(`${key} wrote to ${sysId}, which was closed before`);
  }

  async #make<T>(call: () => Promise<T>, name: string): Promise<T> {
    const process = this.#process.getStore();
    const result = await this.between(async () => {
      if (process?.isDead) return 'died';
      if (globalThis.process.env['TRACE']) this.lives.push(name);
      const dies = process !== undefined && this.strikes('death', 0.02);
      if (dies && this.below(2) === 0) return this.#die(process);
      const answer = await call().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      return dies ? this.#die(process) : answer;
    });
    if (result === 'died') return new Promise<never>(() => undefined);
    if ('error' in result) throw result.error;
    return result.value;
  }

  #die(process: Process): 'died' {
    process.isDead = true;
    process.death.resolve('died');
    return 'died';
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#open.length > 0) {
      for (let tick = 0; tick < 6; tick += 1) await nextTick();
      const [next] = this.#open.splice(this.below(this.#open.length), 1);
      await next?.();
    }
    this.#isRunning = false;
  }
}

function lost({ method, path, repeatable }: ServiceNowRequest): Error {
  const failure = { method, path };
  return repeatable === 'read'
    ? new AnswerLostError('lost', failure)
    : new UnknownOutcomeError('lost', { ...failure, effect: 'unknown' });
}

type Waiting = { readonly message: TestMessage; readonly receiveCount: number; readonly dueMs: number };

/** No other key writes to these. */
const ownColumns = ['description', 'close_notes', 'user_input', 'group_list', 'watch_list'];

const person = { userName: 'a.person', sysId: '0'.repeat(32) };
const ofRun = (run: string) => incidents().filter(({ correlation_display }) => correlation_display === run);

/** Closes a record of the story as a person would. */
async function close(world: World, run: string): Promise<void> {
  const open = ofRun(run).filter(({ active }) => String(active) !== '0' && String(active) !== 'false');
  const one = open[world.below(Math.max(1, open.length))];
  if (!one) return;
  const sysId = String(one['sys_id']);
  queue.instance.state.store.update('incident', sysId, { active: 'false' }, person);
  world.closedAtMs.set(sysId, world.nowMs);
  world.occurred('closed by a person');
  world.lives.push(`closed ${sysId}`);
}

/** Delivers the upserts of one match until all are done, in processes that run at the same time. */
async function play(world: World, run: string): Promise<void> {
  world.isCalm = false;
  const keys = Array.from({ length: 2 + world.below(3) }, (_, index) => `${run}-${index}`);
  const isGiven = world.below(2) === 0;
  const isByActive = world.below(4) > 0;
  const match = {
    ...(isGiven ? { correlation_id: run, correlation_display: run } : { correlation_display: run }),
    ...(isByActive ? { active: 'true' } : {}),
  };
  world.occurred(isGiven ? 'own correlation_id' : 'no correlation_id');
  let waiting: readonly Waiting[] = keys.flatMap((key, index) => {
    // The rule of the instance closes these at once.
    const category = isByActive && world.below(3) === 0 ? 'network' : 'software';
    if (category === 'network') world.occurred('closed by a rule');
    const record = { short_description: key, category, [ownColumns[index] ?? '']: key };
    const body = { action: 'upsert', table: 'incident', match, record };
    const copies = world.below(4) === 0 ? 2 : 1;
    if (copies === 2) world.occurred('message twice');
    return Array.from({ length: copies }, (_, copy) => ({
      message: { id: `${key}-${copy}`, key, body },
      receiveCount: 1,
      dueMs: world.nowMs + world.below(3) * 40_000,
    }));
  });
  for (let round = 0; waiting.length > 0; round += 1) {
    if (round > 60) throw new Error(`never done: ${waiting.map(({ message }) => message.id).join()}`);
    if (round === 15) world.isCalm = true;
    const nextMs = Math.min(...waiting.map(({ dueMs }) => dueMs));
    await world.pass(Math.max(0, nextMs - world.nowMs));
    const due = waiting.filter(({ dueMs }) => dueMs <= world.nowMs);
    const closing = isByActive && world.below(4) === 0 ? world.between(() => close(world, run)) : undefined;
    const returned = await Promise.all(due.map((one) => deliver(world, one)));
    await closing;
    waiting = [...waiting.filter((one) => !due.includes(one)), ...returned.flat()];
  }
  await world.pass(inDoubtMs);
  for (const [index, key] of keys.entries()) {
    const made = world.made.get(key) ?? [];
    const written = world.written.get(key) ?? [];
    if (made.length > 1) world.faults.push(`${key} made ${made.join()}`);
    const holders = ofRun(run).filter((row) => row[ownColumns[index] ?? ''] === key);
    if (holders.length !== 1) world.faults.push(`${key} is held by ${holders.length} records`);
    const others = new Set([...made, ...written]);
    if (others.size > 1) world.faults.push(`${key} made ${made.join()} and wrote to ${written.join()}`);
  }
  const left = ofRun(run).filter(({ active }) => !isByActive || ['1', 'true'].includes(String(active)));
  if (left.length > 1) world.faults.push(`${left.length} records match`);
}

async function deliver(world: World, one: Waiting): Promise<readonly Waiting[]> {
  const { message, receiveCount } = one;
  queue.hidden.delete(`receipt-${message.id}`);
  const unfinished = await world.deliver([{ ...message, receiveCount }]);
  world.lives.push(`${message.id} #${receiveCount}: ${unfinished.length === 0 ? 'done' : 'back'}`);
  if (unfinished.length === 0) return [];
  const hiddenMs = (queue.hidden.get(`receipt-${message.id}`) ?? visibilityMs / 1_000) * 1_000;
  return [{ message, receiveCount: Math.min(90, receiveCount + 1), dueMs: world.nowMs + hiddenMs }];
}

it.each([
  ['sys_ids that we choose', '', false],
  ['sys_ids that we choose, closed records hidden', '', true],
  ['sys_ids that the instance chooses', 'incident', false],
  ['sys_ids that the instance chooses, closed records hidden', 'incident', true],
])(
  `upserts of one match make and change one record each, whatever comes late or never: %s (SEED=${seed})`,
  async (_name, correlationIdTables, isHidden) => {
    const world = new World(seededRandom(seed));
    await start({
      roles: ['itil'],
      through: world.throughClient,
      throughTable: world.throughTable,
      environment: { CORRELATION_ID_TABLES: correlationIdTables, RECORDS_BATCH_API: 'false' },
    });
    if (isHidden)
      queue.instance.state.auth.access.add({
        table: 'incident',
        operation: 'read',
        where: { active: 'true' },
      });
    queue.instance.control.rules.add({
      ...{ table: 'incident', on: ['insert'], action: 'set' },
      ...{ when: { category: ['network'] }, set: { active: 'false' } },
    });
    for (let index = 0; index < histories; index += 1) {
      world.lives = [];
      await play(world, `u${index.toString(16)}`);
      const { faults, lives } = world;
      const letters = queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage']);
      expect({ index, faults, letters, lives: faults.length + letters.length > 0 ? lives : [] }).toEqual({
        ...{ index, faults: [], letters: [], lives: [] },
      });
    }
    if (process.env['HISTORIES']) process.stdout.write(`${JSON.stringify(world.counts)}\n`);
  },
  600_000,
);
