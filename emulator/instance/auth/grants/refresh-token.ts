import { type Grant, mayLogIn } from './grant.ts';

/** `refresh_token`: the scope of the first grant stays. */
export const refreshTokenGrant: Grant = ({ form, client, secretOk }, auth) => {
  if (!secretOk) return undefined;
  const holder = auth.tokens.refresh(form.get('refresh_token') ?? '', client.clientId);
  if (!holder || !mayLogIn(holder.userName, auth)) return undefined;
  return auth.tokens.issue(client, holder.userName, holder.scope, auth.switches.refreshEchoesRefreshToken);
};
