import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../../emulator/instance/control/seeded-random.ts';
import { SecrecyWatch } from '../../secrecy/watch.ts';
import { disturbDynamoDb } from '../harness/aws-refusals.ts';
import { type Dice, diceOf } from '../harness/dice.ts';
import { type FaultStack, setProperty, startFaultStack } from '../harness/fault-stack.ts';
import { type Damage, type StormReport, sumOf } from '../harness/storm-report.ts';
import { stirUp } from '../harness/weather.ts';
import { readDeadLetters, recognizable, takeSnapshot } from '../records/observe.ts';
import { PostOffice } from '../records/post-office.ts';
import { stormSchema, stormTables } from '../records/storm-schema.ts';
import { judgeMixed, type MixedCall, type MixedWork, mixedKinds, playMixed } from './mixed-work.ts';

export type CallStormOptions = {
  /** Keyed calls, copies left out. */
  readonly calls: number;
  readonly seed: number;
  /** Longest time for one call to be answered with success, in milliseconds. */
  readonly longestWaitMs: number;
};

/** One keyed call: the create of a record, or a note on one. */
type KeyedCall = {
  readonly kind: 'create' | 'create in a correlationIdTable' | 'create, delete, create again' | 'note';
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly key: string;
  readonly marker: string;
  readonly body: string;
  readonly table: string;
  /** How many callers send it at once, and how many send it again after the answer. */
  readonly callers: number;
  readonly isRepeated: boolean;
};

const quotaMs = 2_000;
/** Answers that stall for longer are lost. */
const functionTimeoutSeconds = 8;
const visibilitySeconds = 10;

/** Makes keyed HTTP calls while answers are lost, and repeats each until it succeeds, as a careful caller does. */
export async function runCallStorm(options: CallStormOptions): Promise<StormReport> {
  const started = performance.now();
  const dice = diceOf(seededRandom(options.seed));
  const watch = new SecrecyWatch();
  const stack = await startFaultStack({
    watch,
    instance: { schema: stormSchema, demoData: false, switches: { transactionQuotaMs: quotaMs } },
    roles: ['itil'],
    environment: {
      RECORDS_FIRST_DELAY_SECONDS: '1',
      RECORDS_LONGEST_DELAY_SECONDS: '3',
      ALLOWED_TABLES: Object.values(stormTables).join(),
      CORRELATION_ID_TABLES: stormTables.correlated,
      RECORDS_IN_DOUBT_SECONDS: String(quotaMs / 1000 + 1),
    },
    template(template) {
      for (const name of ['PostRecord', 'PatchRecordById', 'DeleteRecordById', 'WriteRecords'])
        setProperty(template, `${name}LambdaFunction`, 'Timeout', functionTimeoutSeconds);
      template.Parameters['RecordsFifo'] = { Default: 'true' };
      setProperty(template, 'RecordsQueue', 'VisibilityTimeout', visibilitySeconds);
    },
  });
  try {
    const { first } = stack.instances;
    const noted = dice.sysId();
    first.instance.state.store.seed(stormTables.plain, { sys_id: noted, u_story: 'noted' });
    const weather = stirUp(first, {
      random: dice.random,
      seed: options.seed,
      batchApi: false,
      requests: options.calls,
      lateMs: { from: 200, to: quotaMs },
    });
    const refusals = disturbDynamoDb(dice.random, 0.03);
    stack.dynamoDbProxy.decide = refusals.decide;
    const calls = Array.from({ length: options.calls }, (_, index) =>
      drawCall(`c${options.seed}x${index}`, noted, dice),
    );
    const counts = { 'lost or refused answers': 0, 'repeats after success': 0, 'callers at once': 0 };
    const damages: Damage[] = [];
    const mixed = drawMixed(options, dice);
    const mixedTools = {
      ...{ stack, dice, longestWaitMs: options.longestWaitMs },
      insist: ({ table, path, ...call }: MixedCall) =>
        untilSuccess(
          stack,
          { ...call, path: `/api/now/table/${table}${path}` },
          Date.now() + options.longestWaitMs,
          () => {
            counts['lost or refused answers'] += 1;
          },
        ),
    };
    const work = [
      ...calls.map((call) => () => makeCall(stack, call, counts, options)),
      ...mixed.map((one) => () => playMixed(one, mixedTools)),
    ];
    const caller = async () => {
      for (let next = work.pop(); next; next = work.pop()) damages.push(...(await next()));
    };
    await Promise.all(Array.from({ length: 6 }, caller));
    // What the instance still finishes late is there by then.
    await delay(quotaMs + 500);
    damages.push(...(await emptyQueue(stack, options)));
    damages.push(...judge(stack, calls, noted), ...mixed.flatMap((one) => judgeMixed(one, stack)));
    const occurred = sumOf([weather(), refusals.counts, counts, countKinds(calls), countKinds(mixed)]);
    const leaks = await stack.close();
    return {
      title: `${calls.length} keyed calls, ${mixed.length} works that come both ways`,
      seconds: (performance.now() - started) / 1000,
      occurred,
      damages: [...damages, ...leaks.map((text): Damage => ({ kind: 'leak', text }))],
    };
  } finally {
    await stack.close();
  }
}

function drawCall(marker: string, noted: string, dice: Dice): KeyedCall {
  const kind = dice.pick<KeyedCall['kind']>([
    'create',
    'create, delete, create again',
    'create in a correlationIdTable',
    'note',
  ]);
  const table = kind === 'create in a correlationIdTable' ? stormTables.correlated : stormTables.plain;
  const isNote = kind === 'note';
  return {
    kind,
    table,
    method: isNote ? 'PATCH' : 'POST',
    path: `/api/now/table/${table}${isNote ? `/${noted}` : ''}`,
    key: `key-${marker}`,
    marker,
    body: JSON.stringify(isNote ? { work_notes: `${marker}| said once` } : { u_story: marker }),
    callers: dice.chance(15) ? 2 : 1,
    isRepeated: dice.chance(25),
  };
}

async function makeCall(
  stack: FaultStack,
  call: KeyedCall,
  counts: Record<'lost or refused answers' | 'repeats after success' | 'callers at once', number>,
  { longestWaitMs }: CallStormOptions,
): Promise<readonly Damage[]> {
  const until = Date.now() + longestWaitMs;
  const insist = async (one: KeyedCall): Promise<readonly Damage[]> => {
    const last = await untilSuccess(stack, one, until, () => {
      counts['lost or refused answers'] += 1;
    });
    return last === undefined ? [] : [{ kind: 'no answer', text: `${one.kind} ${one.marker}: ${last}` }];
  };
  if (call.callers > 1) counts['callers at once'] += 1;
  const damages = (await Promise.all(Array.from({ length: call.callers }, () => insist(call)))).flat();
  if (call.kind === 'create, delete, create again') {
    const [record] = rowsOf(stack, call);
    if (record === undefined) return [...damages, { kind: 'lost', text: `${call.kind} ${call.marker}` }];
    const path = `${call.path}/${record['sys_id']}`;
    damages.push(...(await insist({ ...call, method: 'DELETE', path, key: `${call.key}-delete` })));
  }
  if (!call.isRepeated && call.kind !== 'create, delete, create again') return damages;
  counts['repeats after success'] += 1;
  return [...damages, ...(await insist(call))];
}

/** @returns the last answer where there was no success */
async function untilSuccess(
  { stack }: FaultStack,
  call: Pick<KeyedCall, 'method' | 'path' | 'key' | 'body'>,
  until: number,
  onFailure: () => void,
): Promise<string | undefined> {
  let last = 'no answer';
  while (Date.now() < until) {
    const answer = await fetch(stack.endpoints.api + call.path, {
      method: call.method,
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': call.key },
      ...(call.method !== 'DELETE' && { body: call.body }),
    }).catch(() => undefined);
    if (answer?.ok) return undefined;
    last = `${answer?.status} ${answer?.headers.get('x-error-code')}`;
    if (answer && answer.status >= 400 && answer.status < 500 && ![409, 425, 429].includes(answer.status))
      break;
    onFailure();
    await delay(1000 * Number(answer?.headers.get('retry-after') ?? 1));
  }
  return last;
}

function rowsOf({ instances }: FaultStack, { table, marker }: KeyedCall) {
  return instances.first.instance.state.store.select(table).filter((row) => row['u_story'] === marker);
}

function judge({ instances }: FaultStack, calls: readonly KeyedCall[], noted: string): readonly Damage[] {
  const { store } = instances.first.instance.state;
  const tables = [stormTables.plain, stormTables.correlated];
  const made = Map.groupBy(
    tables.flatMap((table) => store.select(table)),
    (row) => row['u_story'] ?? '',
  );
  const notes = Map.groupBy(
    takeSnapshot(instances.first.instance).notes(noted).map(recognizable),
    ({ text }) => text,
  );
  return calls.flatMap(({ kind, marker }): Damage[] => {
    const count = (kind === 'note' ? notes : made).get(marker)?.length ?? 0;
    if (count === (kind === 'create, delete, create again' ? 0 : 1)) return [];
    return [{ kind: count === 0 ? 'lost' : 'doubled', text: `${kind} ${marker}: ${count} times` }];
  });
}

/** One work of each kind that comes both ways for every fifteen calls, and at least one. */
function drawMixed({ calls, seed }: CallStormOptions, dice: Dice): readonly MixedWork[] {
  const rounds = Math.ceil(calls / 15);
  const each = mixedKinds.flatMap((kind) => Array.from({ length: rounds }, () => kind));
  const marked = each.map((kind, index) => ({ kind, marker: `b${seed}x${index}` }));
  return marked.toSorted(() => dice.random() - 0.5);
}

/** Waits until every message is finished. None of them is refused. */
async function emptyQueue(
  stack: FaultStack,
  { longestWaitMs }: CallStormOptions,
): Promise<readonly Damage[]> {
  const url = stack.variable('writeRecords', 'RECORDS_QUEUE_URL');
  const office = new PostOffice(stack, { standard: url, fifo: url });
  const until = Date.now() + longestWaitMs;
  let left = await office.left();
  for (; left > 0 && Date.now() < until; left = await office.left()) await delay(200);
  const letters = await readDeadLetters(stack);
  return [
    ...(left > 0 ? [{ kind: 'left in the queue', text: `${left} messages` } as const] : []),
    ...letters.map(({ body, attributes }): Damage => {
      return { kind: 'false dead letter', text: `${attributes['ErrorCode']}: ${body.slice(0, 200)}` };
    }),
  ];
}

function countKinds(calls: readonly { readonly kind: string }[]): Readonly<Record<string, number>> {
  const kinds = Map.groupBy(calls, ({ kind }) => kind);
  return Object.fromEntries([...kinds].map(([kind, members]) => [kind, members.length]));
}
