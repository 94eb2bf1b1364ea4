import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ZodType } from 'zod';
import { refuseForeign } from '../foreign-request.ts';
import { Router } from './api/router.ts';
import { apis } from './api/routes.ts';
import { createAuth } from './auth/auth-state.ts';
import type { Account, NewPerson } from './auth/directory.ts';
import { Control } from './control/control.ts';
import { rateLimitTable } from './control/rate-limits.ts';
import { seededRandom } from './control/seeded-random.ts';
import { demoClient, demoUser } from './demo/credentials.ts';
import { freshStore } from './demo/fresh-store.ts';
import { demoSchema } from './demo/schema.ts';
import { seedDemo, seedDescription, seedPlatform } from './demo/seed.ts';
import { Ledger } from './ledger.ts';
import { readJsonFile } from './read-json-file.ts';
import { Choices } from './schema/choices.ts';
import { extendSchema, type SchemaDocument, schemaDocument } from './schema/schema-file.ts';
import { ScriptRules } from './script-rules.ts';
import { type ControlAccess, createInstanceServer, dispatchTo, type TlsOptions } from './serve/server.ts';
import type { InstanceState } from './state.ts';
import { type DataDocument, dataDocument, seedRows } from './store/data-file.ts';
import { Store, type WriteListener } from './store/store.ts';
import { defaultSwitches, type Switches } from './switches.ts';
import { InstanceClock } from './time/instance-clock.ts';
import { ImportSets } from './transform/import-sets.ts';

export type InstanceOptions = {
  /** @default 0, any free port */
  readonly port?: number;
  /** By default only this machine can ask, and a browser on it not for other sites. @default '127.0.0.1' */
  readonly host?: string;
  /** Adds tables and columns to the demo schema. */
  readonly schema?: SchemaDocument;
  /** The same, from a JSON file. */
  readonly schemaFile?: string;
  /** Rows that a fresh instance holds beyond the demo rows. */
  readonly data?: DataDocument;
  /** The same, from a JSON file. */
  readonly dataFile?: string;
  /** Users who may log in besides the administrators; a user without roles sees no rows. */
  readonly accounts?: readonly (NewPerson & Account)[];
  /** Whether a fresh instance holds the demo rows (people, computers, incidents, …). @default true */
  readonly demoData?: boolean;
  /** One SQLite file that holds the rows. @default ':memory:' */
  readonly databaseFile?: string;
  /** The instance's time starts from this. @default the machine's clock */
  readonly clock?: { now(): number };
  /** Serves HTTPS with this certificate (PEM). */
  readonly tls?: TlsOptions;
  /** Seed of everything random: new sys_ids, transaction ids, session ids. @default 1 */
  readonly seed?: number;
  /** Serves `/__emulator/…` to this machine, or to who has the token: faults, limits, clock, ledger (see control/router.ts). @default false */
  readonly control?: ControlAccess;
  readonly switches?: Partial<Switches>;
  /** Requests that the ledger keeps; the oldest go first. @default 20,000 */
  readonly ledgerEntries?: number;
  /** Called for every row written, under its own table, once the write is committed. */
  readonly onWrite?: WriteListener;
};

export type Instance = {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** An administrator's credentials. */
  readonly username: string;
  readonly password: string;
  readonly oauth: { readonly clientId: string; readonly clientSecret: string };
  /** Faults, limits, clock, ledger, for tests in the same process. */
  readonly control: Control;
  /** What the instance holds, for tests in the same process. */
  readonly state: InstanceState;
  close(): Promise<void>;
};

/** Starts an instance and resolves once it listens. */
export async function startInstance(options: InstanceOptions = {}): Promise<Instance> {
  const state = createState(options);
  const server = createInstanceServer(state, options.tls, options.control ?? false);
  // Over TLS a browser takes no other name than that of the certificate.
  if (isLoopback(options.host) && options.tls === undefined) refuseForeign(server);
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://${inUrl(options.host ?? '127.0.0.1')}:${port}`,
    username: demoUser.userName,
    password: demoUser.password,
    oauth: demoClient,
    control: state.control,
    state,
    async close() {
      state.control.close();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      state.store.close();
    },
  };
}

/** Where only this machine can ask. */
const isLoopback = (host = '127.0.0.1') => /^(?:127\.[\d.]+|::1|localhost)$/.test(host);

/** An IPv6 address stands in brackets there. */
const inUrl = (host: string) => (host.includes(':') ? `[${host}]` : host);

function createState(options: InstanceOptions): InstanceState {
  const schema = demoSchema();
  const additions = documents(options.schema, options.schemaFile, schemaDocument);
  for (const document of additions) extendSchema(schema, document);
  const rows = documents(options.data, options.dataFile, dataDocument);
  const switches = { ...defaultSwitches, ...options.switches };
  const clock = new InstanceClock(options.clock ? () => options.clock?.now() ?? 0 : Date.now);
  const random = seededRandom(options.seed ?? 1);
  const { ledgerEntries: maxEntries } = options;
  const ledger = new Ledger(maxEntries === undefined ? {} : { maxEntries });
  const scriptRules = new ScriptRules(clock, switches);
  const fresh = options.databaseFile === undefined ? freshStore(additions, switches) : undefined;
  const store: Store = new Store({
    schema,
    clock,
    switches,
    random,
    randomOf: seededRandom,
    location: options.databaseFile ?? ':memory:',
    image: fresh?.image,
    refusal: (operation, table, sysId) => scriptRules.refusal(store, operation, table, sysId),
    onWrite(operation, table, sysId) {
      ledger.wrote(operation, table, sysId);
      options.onWrite?.(operation, table, sysId);
      if (table.startsWith('sys_user')) auth.directory.forget();
      if (table.startsWith('sys_transform_')) imports.forgetMaps();
      if (table === 'sys_script') scriptRules.forget();
      if (table === 'sys_choice') choices.read(store);
      if (table === 'sys_properties') auth.properties.forget();
      if (table === rateLimitTable.name) control.limits.forgetRules();
      if (table === 'sys_import_set' && operation === 'update') imports.noticeChange(sysId);
    },
  });
  const auth = createAuth(
    store,
    switches,
    () => clock.now(),
    {
      ...demoClient,
      applicationUser: demoUser.userName,
      redirectUris: ['http://127.0.0.1/callback'],
    },
    random,
  );
  const imports = new ImportSets({ store, clock, ledger, switches });
  for (const account of options.accounts ?? []) auth.accounts.add(account);
  const letIn = () => {
    for (const account of auth.accounts.all()) auth.directory.add(account);
  };
  const choices = new Choices(schema);
  const rereadAll = () => {
    choices.read(store);
    scriptRules.forget();
    auth.directory.forget();
    auth.properties.forget();
    imports.forgetMaps();
    control.limits.forgetRules();
  };
  const seedAll = (seedBase = seedPlatform) => {
    choices.restore();
    scriptRules.forget();
    seedBase(store);
    if (options.demoData ?? true) seedDemo(store);
    for (const document of rows) seedRows(store, document);
    rereadAll();
    letIn();
  };
  const seed = () => seedAll();
  const control = new Control({ store, clock, ledger, imports, auth, switches, seedAll: seed, rereadAll });
  const run = dispatchTo(new Router(apis));
  const state: InstanceState = {
    schema,
    store,
    clock,
    switches,
    ledger,
    imports,
    auth,
    control,
    random,
    dispatch: (exchange) => run(exchange, state),
    seed,
  };
  if (fresh) seedAll(fresh.seedBase);
  else if (store.count('sys_user') === 0) seedAll();
  else {
    seedDescription(store);
    choices.read(store);
    letIn();
    imports.resume();
  }
  ledger.clear();
  return state;
}

function documents<Document>(
  given: Document | undefined,
  file: string | undefined,
  schema: () => ZodType<Document>,
): Document[] {
  return [
    ...(given === undefined ? [] : [given]),
    ...(file === undefined ? [] : [readJsonFile(file, schema())]),
  ];
}
