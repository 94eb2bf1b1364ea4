import { checkPassword } from '../check-password.ts';
import { type Grant, scopeFor } from './grant.ts';

/** `username`, `password`: the resource owner's own credentials. */
export const passwordGrant: Grant = ({ form, client, secretOk }, auth) => {
  if (!secretOk) return undefined;
  const account = checkPassword(form.get('username') ?? '', form.get('password') ?? '', auth);
  return account && auth.tokens.issue(client, account.userName, scopeFor(form, auth), true);
};
