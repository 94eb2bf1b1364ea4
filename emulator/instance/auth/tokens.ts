import { createHash, randomBytes } from 'node:crypto';
import type { CryptoKey, JWK } from 'jose';

/** An OAuth application registered on the instance. */
export type OAuthClient = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The OAuth Application User for `client_credentials`; without one that grant is refused. */
  readonly applicationUser?: string;
  readonly redirectUris?: readonly string[];
  /** Access token life in seconds. @default 1800 */
  readonly accessTokenLifeS?: number;
  /** Refresh token life in seconds. @default 8640000 */
  readonly refreshTokenLifeS?: number;
  /** A JWT API endpoint: the key that verifies assertions and the sys_user column that `sub` names. */
  readonly jwt?: { readonly key: CryptoKey | JWK; readonly userColumn?: string };
};

/** The OAuth applications of an instance, by their ids. */
export class OAuthClients {
  readonly #clients = new Map<string, OAuthClient>();

  /** Adds an application, or replaces the one of that client_id. */
  add(client: OAuthClient): void {
    this.#clients.set(client.clientId, client);
  }

  find(clientId: string | undefined): OAuthClient | undefined {
    return clientId === undefined ? undefined : this.#clients.get(clientId);
  }
}

const codeLifeMs = 60_000;

type Code = {
  readonly clientId: string;
  readonly userName: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly challenge?: string;
  readonly challengeMethod?: string;
  readonly endsMs: number;
};

/** Codes given out by `/oauth_auth.do`: valid for a minute and for one exchange. */
export class AuthorizationCodes {
  readonly #now: () => number;
  readonly #codes = new Map<string, Code>();

  constructor(now: () => number) {
    this.#now = now;
  }

  issue(code: Omit<Code, 'endsMs'>): string {
    const value = randomBytes(32).toString('base64url');
    this.#codes.set(value, { ...code, endsMs: this.#now() + codeLifeMs });
    return value;
  }

  /** Spends the code; undefined when it is unknown, old, another client's, or for another redirect URI. */
  spend(value: string, clientId: string, redirectUri: string | undefined): Code | undefined {
    const code = this.#codes.get(value);
    this.#codes.delete(value);
    if (!code || code.endsMs <= this.#now()) return undefined;
    return code.clientId === clientId && code.redirectUri === redirectUri ? code : undefined;
  }
}

/** Whether the verifier answers the challenge (RFC 7636); a code without challenge asks for none. */
export function answersChallenge(
  code: Pick<Code, 'challenge' | 'challengeMethod'>,
  verifier: string | undefined,
): boolean {
  if (code.challenge === undefined) return true;
  if (verifier === undefined) return false;
  const digest = createHash('sha256').update(verifier).digest('base64url');
  return code.challenge === (code.challengeMethod === 'S256' ? digest : verifier);
}

type Access = {
  readonly token: string;
  readonly userName: string;
  readonly scope: string;
  readonly endsMs: number;
};
type Refresh = Access & { readonly clientId: string };

/** The answer of `/oauth_token.do`. */
export type TokenAnswer = {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly scope: string;
  readonly token_type: 'Bearer';
  /** Seconds that are left, not the whole life. */
  readonly expires_in: number;
};

/** Access and refresh tokens. Within its life the same token is handed out again, to whichever grant asks. */
export class Tokens {
  readonly #now: () => number;
  readonly #access = new Map<string, Access>();
  readonly #refresh = new Map<string, Refresh>();
  /** By client, user and scope: the tokens handed out last. */
  readonly #current = new Map<string, { access?: string; refresh?: string }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  issue(client: OAuthClient, userName: string, scope: string, withRefresh: boolean): TokenAnswer {
    const key = JSON.stringify([client.clientId, userName, scope]);
    const current = this.#current.get(key) ?? {};
    this.#current.set(key, current);
    const access = this.#live(this.#access, current.access) ?? this.#newAccess(client, userName, scope);
    current.access = access.token;
    const answer = {
      access_token: access.token,
      scope,
      token_type: 'Bearer' as const,
      expires_in: Math.floor((access.endsMs - this.#now()) / 1000),
    };
    if (!withRefresh) return answer;
    const refresh = this.#live(this.#refresh, current.refresh) ?? this.#newRefresh(client, userName, scope);
    current.refresh = refresh.token;
    return { ...answer, refresh_token: refresh.token };
  }

  /** Who a live access token speaks for. */
  access(token: string): { userName: string; scope: string } | undefined {
    return this.#live(this.#access, token);
  }

  /** Who a live refresh token of this client speaks for. */
  refresh(token: string, clientId: string): { userName: string; scope: string } | undefined {
    const found = this.#live(this.#refresh, token);
    return found?.clientId === clientId ? found : undefined;
  }

  /** Makes an access or refresh token worthless now. */
  revoke(token: string): void {
    this.#access.delete(token);
    this.#refresh.delete(token);
  }

  /** Makes every token worthless, as an administrator can. */
  revokeAll(): void {
    this.#access.clear();
    this.#refresh.clear();
  }

  #newAccess(client: OAuthClient, userName: string, scope: string): Access {
    const endsMs = this.#now() + (client.accessTokenLifeS ?? 1_800) * 1_000;
    const access = { token: newToken(), userName, scope, endsMs };
    this.#access.set(access.token, access);
    return access;
  }

  #newRefresh(client: OAuthClient, userName: string, scope: string): Refresh {
    const endsMs = this.#now() + (client.refreshTokenLifeS ?? 8_640_000) * 1_000;
    const refresh = { token: newToken(), userName, scope, endsMs, clientId: client.clientId };
    this.#refresh.set(refresh.token, refresh);
    return refresh;
  }

  #live<T extends Access>(tokens: Map<string, T>, token: string | undefined): T | undefined {
    const found = token === undefined ? undefined : tokens.get(token);
    return found && found.endsMs > this.#now() ? found : undefined;
  }
}

const newToken = () => randomBytes(64).toString('base64url');
