import { createHash, randomBytes } from 'node:crypto';

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
