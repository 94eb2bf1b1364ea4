import type { AccessControl } from './access-control.ts';
import type { Accounts } from './accounts.ts';
import type { AuthorizationCodes } from './authorization-codes.ts';
import type { Directory } from './directory.ts';
import type { OAuthClients } from './oauth-clients.ts';
import type { Sessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';

/** What public sources leave open about logging in; part of the instance's switches. */
export type AuthSwitches = {
  /** After so many wrong passwords in a row the account is locked out; 0 never does. */
  readonly lockAfterFailures: number;
  /** `glide.authenticate.basic_auth.restriction.enforce`: Basic only with role snc_basic_auth_api_access. */
  readonly basicAuthRestricted: boolean;
  /** Tokens get the scope `useraccount` only when it is asked for, and an empty one otherwise. */
  readonly oauthScopeOnlyWhenAsked: boolean;
  /** `glide.oauth.inbound.client.credential.grant_type.enabled`. */
  readonly clientCredentialsEnabled: boolean;
  /** A refresh answers with the refresh token too, the same one. */
  readonly refreshEchoesRefreshToken: boolean;
  /** A JWT assertion whose `jti` was seen before is refused. */
  readonly jwtReplayCheck: boolean;
  /** The query parameter in which an API key may stand, beside the header `x-sn-apikey`. */
  readonly apiKeyParameter: string;
};

/** The defaults that section 11 of the contract names. */
export const defaultAuthSwitches: AuthSwitches = {
  lockAfterFailures: 0,
  basicAuthRestricted: false,
  oauthScopeOnlyWhenAsked: false,
  clientCredentialsEnabled: true,
  refreshEchoesRefreshToken: true,
  jwtReplayCheck: false,
  apiKeyParameter: 'x-sn-apikey',
};

/** Everything that logging in needs. */
export type AuthState = {
  readonly accounts: Accounts;
  readonly clients: OAuthClients;
  readonly tokens: Tokens;
  readonly codes: AuthorizationCodes;
  readonly sessions: Sessions;
  readonly directory: Directory;
  readonly access: AccessControl;
  readonly switches: AuthSwitches;
  readonly now: () => number;
  /** `jti` values of the assertions taken so far. */
  readonly seenAssertions: Set<string>;
};
