import { aclRuleSchema } from '../auth/access-control.ts';
import { addAccount } from '../auth/add-account.ts';
import type { Answer } from '../http/exchange.ts';
import { lazySchema, zod } from '../lazy-schema.ts';
import { checkSwitches } from '../read-switches.ts';
import { businessRuleSchema } from '../store/business-rules.ts';
import { dataDocument } from '../store/data-file.ts';
import { isTimeZone } from '../time/dates.ts';
import type { Control } from './control.ts';
import { rateLimitSchema } from './rate-limits.ts';

/** A request to `/__emulator/…`: its query, and its JSON body or undefined. */
type ControlRequest = { readonly query: URLSearchParams; readonly body: unknown };

/** Does what is asked and returns the JSON to answer. */
type ControlAction = (request: ControlRequest, control: Control) => unknown;

const done = {};

const account = lazySchema((z) =>
  z.strictObject({
    userName: z.string(),
    password: z.string(),
    roles: z.array(z.string()).exactOptional(),
    timeZone: z.string().refine(isTimeZone, 'unknown time zone').exactOptional(),
    apiKeys: z.array(z.string()).exactOptional(),
    mfaToken: z.string().exactOptional(),
    certificateCommonName: z.string().exactOptional(),
  }),
);

const oauthClient = lazySchema((z) => {
  const key = z.looseObject({ kty: z.string() });
  return z.strictObject({
    clientId: z.string(),
    clientSecret: z.string(),
    applicationUser: z.string().exactOptional(),
    redirectUris: z.array(z.string()).exactOptional(),
    accessTokenLifeS: z.number().positive().exactOptional(),
    refreshTokenLifeS: z.number().positive().exactOptional(),
    jwt: z.strictObject({ key, userColumn: z.string().exactOptional() }).exactOptional(),
  });
});

const clockSettings = lazySchema((z) =>
  z.strictObject({
    frozen: z.boolean().optional(),
    set: z.iso.datetime().optional(),
    advanceMs: z.number().nonnegative().optional(),
  }),
);

const semaphoreSettings = lazySchema((z) =>
  z.strictObject({
    permits: z.number().int().positive().optional(),
    queue: z.number().int().nonnegative().optional(),
  }),
);

const ledgerFilter = lazySchema((z) => {
  const whole = z.coerce.number().int().exactOptional();
  const text = z.string().exactOptional();
  return z.strictObject({
    method: text,
    path: text,
    user: text,
    status: whole,
    table: text,
    sysId: text,
    fault: text,
    since: whole,
    limit: whole,
  });
});

const oneOrMoreFaults = lazySchema((z) => {
  const fault = z.looseObject({ action: z.string() });
  return z.union([z.array(fault), fault]);
});

const oneOrMoreRules = lazySchema((z) => z.union([z.array(businessRuleSchema()), businessRuleSchema()]));

const switchValues = lazySchema((z) => z.record(z.string(), z.unknown()));

const showClock: ControlAction = (_, { clock }) => ({
  now: new Date(clock.now()).toISOString(),
  frozen: clock.frozen,
  pendingJobs: clock.pendingJobs,
});

const setClock: ControlAction = async (request, control) => {
  const { frozen, set, advanceMs } = clockSettings().parse(request.body);
  if (frozen === true) control.clock.freeze();
  if (frozen === false) control.clock.unfreeze();
  if (set !== undefined) await control.clock.set(Date.parse(set));
  if (advanceMs !== undefined) await control.clock.advance(advanceMs);
  return showClock(request, control);
};

const showSemaphore: ControlAction = (_, { semaphore: { permits, queue, running, waiting } }) => ({
  permits,
  queue,
  running,
  waiting,
});

const setSemaphore: ControlAction = (request, control) => {
  const { permits, queue } = semaphoreSettings().parse(request.body);
  control.semaphore.permits = permits ?? control.semaphore.permits;
  control.semaphore.queue = queue ?? control.semaphore.queue;
  return showSemaphore(request, control);
};

/** An action that changes something and has nothing to answer. */
const silently =
  (act: (request: ControlRequest, control: Control) => void): ControlAction =>
  (request, control) => {
    act(request, control);
    return done;
  };

/** Every action by method and name; the table in router.ts describes them. */
const actions: ReadonlyMap<string, ControlAction> = new Map(
  Object.entries<ControlAction>({
    'POST faults': ({ body }, { faults }) => ({
      ids: [oneOrMoreFaults().parse(body)].flat().map((request) => faults.add(request)),
    }),
    'GET faults': (_, { faults }) => ({ faults: faults.list() }),
    'DELETE faults': silently(({ query }, { faults }) => faults.clear(query.get('id') ?? undefined)),
    'POST rules': silently(({ body }, { rules }) => {
      for (const rule of [oneOrMoreRules().parse(body)].flat()) rules.add(rule);
    }),
    'GET rules': (_, { rules }) => ({ rules: rules.list(), hidden: [...rules.hidden] }),
    'DELETE rules': silently((_, { rules }) => rules.clear()),
    'POST rate-limits': ({ body }, { limits }) => ({ sysId: limits.add(rateLimitSchema().parse(body)) }),
    'GET rate-limits': (_, { limits }) => ({ rules: limits.list() }),
    'DELETE rate-limits': silently((_, { limits }) => limits.clear()),
    'GET semaphore': showSemaphore,
    'PUT semaphore': setSemaphore,
    'GET clock': showClock,
    'POST clock': setClock,
    'GET ledger': ({ query }, { ledger }) => ({
      total: ledger.total,
      counters: ledger.counters(),
      entries: ledger.select(ledgerFilter().parse(Object.fromEntries(query))),
    }),
    'DELETE ledger': silently((_, { ledger }) => ledger.clear()),
    'DELETE tokens': silently((_, { auth }) => auth.tokens.revokeAll()),
    'POST acls': silently(({ body }, { auth }) => auth.access.add(aclRuleSchema().parse(body))),
    'GET acls': (_, { auth }) => ({ rules: auth.access.list() }),
    'DELETE acls': silently((_, { auth }) => auth.access.clear()),
    'GET switches': (_, { switches }) => switches,
    'PUT switches': ({ body }, control) => {
      control.change(checkSwitches(switchValues().parse(body)));
      return control.switches;
    },
    'POST reset': silently((_, control) => control.reset()),
    'POST seed': ({ body }, control) => {
      const rows = dataDocument().parse(body);
      control.seed(rows);
      return { rows: Object.values(rows).reduce((sum, given) => sum + given.length, 0) };
    },
    'GET snapshot': ({ query }, control) => {
      const table = query.get('table');
      return table === null ? { tables: control.snapshotAll() } : { rows: control.snapshot(table) };
    },
    'POST accounts': silently(({ body }, { auth }) => addAccount(auth, account().parse(body))),
    'POST oauth-clients': silently(({ body }, { auth }) => auth.clients.add(oauthClient().parse(body))),
  }),
);

/**
 * Answers a request below `/__emulator/`: the control of an instance over HTTP, served to this machine only, and only
 * when enabled. A malformed request gets a 400 that names what is wrong.
 *
 * | call | body or query | answer |
 * |---|---|---|
 * | `POST /__emulator/faults` | `{ match?: { method?, path?, batchItem? }, action, count? \| probability?, seed?, skip?, … }` or a list | `{ ids }` |
 * | `GET /__emulator/faults` | | `{ faults }` still waiting |
 * | `DELETE /__emulator/faults` | `?id=` for one | `{}` |
 * | `POST /__emulator/rules` | `{ table, on?, when?, action: abort \| set \| redirect \| require \| hide, set?, columns?, afterMs?, toTable?, … }` or a list | `{}` |
 * | `GET`, `DELETE /__emulator/rules` | | `{ rules, hidden }`, `{}` |
 * | `POST /__emulator/rate-limits` | `{ limitPerHour, method?, path?, user?, role?, order?, name? }` | `{ sysId }` |
 * | `GET`, `DELETE /__emulator/rate-limits` | | `{ rules }`, `{}` |
 * | `GET`, `PUT /__emulator/semaphore` | `{ permits?, queue? }` | `{ permits, queue, running, waiting }` |
 * | `GET /__emulator/clock` | | `{ now, frozen, pendingJobs }` |
 * | `POST /__emulator/clock` | `{ frozen?, set?: ISO time, advanceMs? }`, in this order | the same, after the jobs that became due have run |
 * | `POST /__emulator/reset` | | `{}`; rows, faults, rules, limits, switches, tokens, clock and ledger as at the start, accounts and ACLs as added |
 * | `POST /__emulator/seed` | `{ table: [row, …], … }` | `{ rows }` written |
 * | `GET /__emulator/snapshot` | `?table=`, or none for all | `{ rows }` or `{ tables }` |
 * | `GET /__emulator/ledger` | `?method= path= user= status= table= sysId= fault= since= limit=` | `{ total, counters, entries }` |
 * | `DELETE /__emulator/ledger` | | `{}` |
 * | `POST /__emulator/accounts` | `{ userName, password, roles?, timeZone?, apiKeys?, mfaToken?, certificateCommonName? }` | `{}` |
 * | `POST /__emulator/oauth-clients` | `{ clientId, clientSecret, applicationUser?, redirectUris?, accessTokenLifeS?, refreshTokenLifeS?, jwt?: { key: JWK, userColumn? } }` | `{}` |
 * | `POST /__emulator/acls` | `{ table, operation: read \| write \| create \| delete \| rest, field?, roles?, where? }` | `{}` |
 * | `GET`, `DELETE /__emulator/acls` | | `{ rules }`, `{}` |
 * | `GET`, `PUT /__emulator/switches` | `{ name: value, … }` of `../switches.ts` | all of them; `caseSensitiveText` can be set at the start only |
 * | `DELETE /__emulator/tokens` | | `{}`; every token is revoked |
 *
 * The actions of a fault and their parameters are in `fault-kinds.ts` and `transaction-faults.ts`, those of a business
 * rule in `../store/business-rules.ts`.
 */
export async function answerControl(
  method: string,
  url: URL,
  body: Buffer,
  control: Control,
): Promise<Answer> {
  const name = url.pathname.slice('/__emulator/'.length).replace(/\/$/, '');
  const action = actions.get(`${method} ${name}`);
  if (!action)
    return refused(404, `unknown control ${method} ${name}; known are ${[...actions.keys()].join(', ')}`);
  try {
    const json = body.length === 0 ? undefined : JSON.parse(body.toString());
    return { status: 200, bare: true, json: await action({ query: url.searchParams, body: json }, control) };
  } catch (cause) {
    if (cause instanceof zod().ZodError) return refused(400, zod().prettifyError(cause));
    return refused(400, cause instanceof Error ? cause.message : String(cause));
  }
}

const refused = (status: number, message: string): Answer => ({
  status,
  bare: true,
  json: { error: message },
});
