import { Properties } from '../store/properties.ts';
import type { Store } from '../store/store.ts';
import { AccessControl } from './access-control.ts';
import { Accounts } from './accounts.ts';
import type { AuthState } from './auth-state.ts';
import type { AuthSwitches } from './auth-switches.ts';
import { AuthorizationCodes } from './authorization-codes.ts';
import { Directory } from './directory.ts';
import { type OAuthClient, OAuthClients } from './oauth-clients.ts';
import { Sessions } from './sessions.ts';
import { Tokens } from './tokens.ts';

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
