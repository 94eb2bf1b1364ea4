import type { AuthState } from '../auth-state.ts';
import type { OAuthClient } from '../oauth-clients.ts';
import type { TokenAnswer } from '../tokens.ts';

/** A token request: the form's fields, and the application that asks. */
type GrantRequest = {
  readonly form: URLSearchParams;
  readonly client: OAuthClient;
  /** The client authenticated with its secret, rather than only naming itself. */
  readonly secretOk: boolean;
};

/** Answers a token request, or undefined for the one refusal that ServiceNow has for everything. */
export type Grant = (
  request: GrantRequest,
  auth: AuthState,
) => TokenAnswer | undefined | Promise<TokenAnswer | undefined>;

/** The scope a token gets: `useraccount`, unless the switch wants it asked for. */
export function scopeFor(form: URLSearchParams, auth: AuthState): string {
  const asked = form.get('scope');
  if (asked) return asked;
  return auth.switches.oauthScopeOnlyWhenAsked ? '' : 'useraccount';
}

/** Whether somebody of that user_name exists, is active and is not locked out. */
export function mayLogIn(userName: string, auth: AuthState): boolean {
  const person = auth.directory.find(userName);
  return person?.active === true && !person.lockedOut;
}
