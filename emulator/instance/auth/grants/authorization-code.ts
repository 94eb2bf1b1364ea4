import { answersChallenge } from '../authorization-codes.ts';
import { type Grant, mayLogIn } from './grant.ts';

/** `code`, `redirect_uri`, and the client's secret or, with PKCE, `code_verifier`. */
export const authorizationCodeGrant: Grant = ({ form, client, secretOk }, auth) => {
  const code = auth.codes.spend(
    form.get('code') ?? '',
    client.clientId,
    form.get('redirect_uri') ?? undefined,
  );
  if (!code || !mayLogIn(code.userName, auth)) return undefined;
  if (!answersChallenge(code, form.get('code_verifier') ?? undefined)) return undefined;
  if (!secretOk && code.challenge === undefined) return undefined;
  return auth.tokens.issue(client, code.userName, code.scope, true);
};
