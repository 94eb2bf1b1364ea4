import { type Grant, mayLogIn, scopeFor } from './grant.ts';

/** The application acts as its OAuth Application User; there is no refresh token. */
export const clientCredentialsGrant: Grant = ({ form, client, secretOk }, auth) => {
  const userName = client.applicationUser;
  if (!secretOk || !auth.switches.clientCredentialsEnabled || userName === undefined) return undefined;
  if (!mayLogIn(userName, auth)) return undefined;
  return auth.tokens.issue(client, userName, scopeFor(form, auth), false);
};
