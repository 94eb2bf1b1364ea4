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
