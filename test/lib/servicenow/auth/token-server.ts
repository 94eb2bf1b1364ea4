import { type Answerer, json, refuse, scriptedServer } from '../scripted-server.ts';

export const auth = {
  type: 'oauth-client-credentials',
  clientId: 'client',
  clientSecret: 'client-secret',
} as const;
export const isTokenCall = ({ url }: { url: string }) => url === '/oauth_token.do';

/** An instance that gives out the tokens t1, t2, … each valid for `lifeSeconds`, and accepts those that `accepts` says. */
export async function tokenServer(
  lifeSeconds: () => number,
  accepts: (token: string) => boolean = () => true,
  next = (count: number) => `t${count}`,
) {
  let given = 0;
  let away: Answerer | undefined;
  const server = await scriptedServer((response, request, index) => {
    if (isTokenCall(request)) {
      if (away) return away(response, request, index);
      given += 1;
      return json(response, 200, {
        access_token: next(given),
        token_type: 'Bearer',
        expires_in: lifeSeconds(),
        scope: 'useraccount',
      });
    }
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    return accepts(token)
      ? json(response, 200, { result: [] })
      : refuse(response, 401, 'User Not Authenticated');
  });
  const tokenCalls = () => server.seen.filter(isTokenCall).length;
  const tokensUsed = () =>
    server.seen.filter((request) => !isTokenCall(request)).map(({ headers }) => headers.authorization);
  /** Lets something else than the token endpoint answer, until it is given back. */
  const takeAway = (instead: Answerer | undefined) => {
    away = instead;
  };
  return { ...server, tokenCalls, tokensUsed, takeAway };
}
