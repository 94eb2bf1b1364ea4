import { aclRuleSchema } from '../auth/acl-rule.ts';
import { addAccount } from '../auth/add-account.ts';
import { lazySchema } from '../lazy-schema.ts';
import { checkSwitches } from '../read-switches.ts';
import { businessRuleSchema } from '../store/business-rules.ts';
import { dataDocument } from '../store/data-file.ts';
import { isTimeZone } from '../time/zone.ts';
import type { Control } from './control.ts';
import { rateLimitSchema } from './rate-limit-rules.ts';

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
export const actions: ReadonlyMap<string, ControlAction> = new Map(
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
