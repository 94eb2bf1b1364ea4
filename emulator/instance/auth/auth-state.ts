import { Properties } from '../store/properties.ts';
import type { Store } from '../store/store.ts';
import type { AuthSwitches } from '../switches.ts';
import { AccessControl } from './access-control.ts';
import { Accounts, Directory } from './directory.ts';
import { Sessions } from './sessions.ts';
import { AuthorizationCodes, type OAuthClient, OAuthClients, Tokens } from './tokens.ts';

/** Everything that logging in needs. */
export type AuthState = {
  readonly accounts: Accounts;
  readonly clients: OAuthClients;
  readonly tokens: Tokens;
  readonly codes: AuthorizationCodes;
  readonly sessions: Sessions;
  readonly directory: Directory;
  readonly properties: Properties;
  readonly access: AccessControl;
  readonly switches: AuthSwitches;
  readonly now: () => number;
  /** `jti` values of the assertions taken so far. */
  readonly seenAssertions: Set<string>;
};

/** Everything that logging in needs, with one OAuth application known. `now` gives milliseconds since the epoch. */
export function createAuth(
  store: Store,
  switches: AuthSwitches,
  now: () => number,
  client: OAuthClient,
  random: () => number,
): AuthState {
  const clients = new OAuthClients();
  clients.add(client);
  return {
    accounts: new Accounts(),
    clients,
    tokens: new Tokens(now),
    codes: new AuthorizationCodes(now),
    sessions: new Sessions(now, random),
    directory: new Directory(store),
    properties: new Properties(store),
    access: new AccessControl(store.schema, store.rules.hidden),
    seenAssertions: new Set(),
    switches,
    now,
  };
}
