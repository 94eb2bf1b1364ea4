/** What public sources leave open about logging in; part of the instance's switches. */
export type AuthSwitches = {
  /** After so many wrong passwords in a row the account is locked out; 0 never does. */
  readonly lockAfterFailures: number;
  /** Basic only for some, as if the properties `glide.authenticate.basic_auth.restriction.…` said so (basic-restriction.ts). */
  readonly basicAuthRestricted: boolean;
  /** Tokens get the scope `useraccount` only when it is asked for, and an empty one otherwise. */
  readonly oauthScopeOnlyWhenAsked: boolean;
  /** `glide.oauth.inbound.client.credential.grant_type.enabled`. */
  readonly clientCredentialsEnabled: boolean;
  /** A refresh answers with the refresh token too, the same one. */
  readonly refreshEchoesRefreshToken: boolean;
  /** A refused grant says why, in the words of RFC 6749 (`invalid_client`, …). Default: the recorded `server_error`. */
  readonly oauthErrorsByRfc: boolean;
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
  oauthErrorsByRfc: false,
  jwtReplayCheck: false,
  apiKeyParameter: 'x-sn-apikey',
};
