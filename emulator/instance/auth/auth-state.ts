import type { Properties } from '../store/properties.ts';
import type { AccessControl } from './access-control.ts';
import type { Accounts } from './accounts.ts';
import type { AuthSwitches } from './auth-switches.ts';
import type { AuthorizationCodes } from './authorization-codes.ts';
import type { Directory } from './directory.ts';
import type { OAuthClients } from './oauth-clients.ts';
import type { Sessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';

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
