import type { AuthState } from './auth/auth-state.ts';
import type { Control } from './control/control.ts';
import type { Answer, Exchange } from './http/exchange.ts';
import type { Ledger } from './ledger.ts';
import type { Schema } from './schema/schema.ts';
import type { Store } from './store/store.ts';
import type { Switches } from './switches.ts';
import type { InstanceClock } from './time/instance-clock.ts';
import type { ImportSets } from './transform/import-sets.ts';

/** All that one running instance holds; every action gets it. */
export type InstanceState = {
  readonly schema: Schema;
  readonly store: Store;
  readonly clock: InstanceClock;
  readonly switches: Switches;
  readonly ledger: Ledger;
  readonly imports: ImportSets;
  readonly auth: AuthState;
  readonly control: Control;
  /** Numbers in [0, 1) from the instance's seed. */
  readonly random: () => number;
  /** Runs a request that came by another way than a socket, as the items of a batch do. */
  readonly dispatch: (exchange: Exchange) => Promise<Answer>;
  /** Fills an emptied store with the demo data and the data file again. */
  readonly seed: () => void;
};
