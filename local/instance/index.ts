import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { routes } from './api/routes.ts';
import { createAuth } from './auth/create-auth.ts';
import { Ledger } from './control/ledger.ts';
import { seededRandom } from './control/seeded-random.ts';
import { demoClient, demoUser } from './demo/credentials.ts';
import { demoSchema } from './demo/schema.ts';
import { seedDemo } from './demo/seed.ts';
import { Router } from './http/router.ts';
import { createInstanceServer, dispatchTo, type TlsOptions } from './http/server.ts';
import type { InstanceState } from './state.ts';
import { Store } from './store/store.ts';
import { defaultSwitches, type Switches } from './switches.ts';
import { InstanceClock } from './time/instance-clock.ts';
import { ImportSets } from './transform/import-sets.ts';

export type InstanceOptions = {
  /** @default 0, any free port */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** One SQLite file that holds the rows. @default ':memory:' */
  readonly databaseFile?: string;
  /** The instance's time starts from this. @default the machine's clock */
  readonly clock?: { now(): number };
  /** Serves HTTPS with this certificate (PEM). */
  readonly tls?: TlsOptions;
  /** Seed of everything random: new sys_ids, transaction ids, session ids. @default 1 */
  readonly seed?: number;
  readonly switches?: Partial<Switches>;
};

export type Instance = {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** An administrator's credentials. */
  readonly username: string;
  readonly password: string;
  readonly oauth: { readonly clientId: string; readonly clientSecret: string };
  /** What the instance holds, for tests in the same process. */
  readonly state: InstanceState;
  close(): Promise<void>;
};

/** Starts an instance and resolves once it listens. */
export async function startInstance(options: InstanceOptions = {}): Promise<Instance> {
  const state = createState(options);
  const server = createInstanceServer(state, options.tls);
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://${options.host ?? '127.0.0.1'}:${port}`,
    username: demoUser.userName,
    password: demoUser.password,
    oauth: demoClient,
    state,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      state.imports.abandon();
      state.clock.close();
      state.store.close();
    },
  };
}

function createState(options: InstanceOptions): InstanceState {
  const schema = demoSchema();
  const switches = { ...defaultSwitches, ...options.switches };
  const clock = new InstanceClock(options.clock ? () => options.clock?.now() ?? 0 : Date.now);
  const random = seededRandom(options.seed ?? 1);
  const ledger = new Ledger();
  const store = new Store({
    schema,
    clock,
    switches,
    random,
    location: options.databaseFile ?? ':memory:',
    onWrite(operation, table, sysId) {
      ledger.wrote(operation, table, sysId);
      if (table.startsWith('sys_user')) auth.directory.forget();
    },
  });
  const auth = createAuth(store, switches, () => clock.now(), {
    ...demoClient,
    applicationUser: demoUser.userName,
    redirectUris: ['http://127.0.0.1/callback'],
  });
  const run = dispatchTo(new Router(routes));
  const state: InstanceState = {
    schema,
    store,
    clock,
    switches,
    ledger,
    imports: new ImportSets({ store, clock, ledger, switches }),
    auth,
    random,
    dispatch: (exchange) => run(exchange, state),
    seed() {
      seedDemo(store);
      auth.directory.forget();
    },
  };
  if (store.count('sys_user') === 0) state.seed();
  return state;
}
