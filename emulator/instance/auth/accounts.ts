import { timingSafeEqual } from 'node:crypto';
import type { NewPerson } from './directory.ts';

/** What beside a password an account can prove itself with. The rest of it is rows: sys_user and its roles. */
export type Account = {
  readonly userName: string;
  /** Values accepted as `x-sn-apikey`. */
  readonly apiKeys?: readonly string[];
  /** When set, Basic calls need this value in `X-MFA_TOKEN`. */
  readonly mfaToken?: string;
  /** Common name of the client certificate that stands for this account. */
  readonly certificateCommonName?: string;
};

/** API keys, MFA tokens and certificates by account, and the wrong passwords in a row. */
export class Accounts {
  readonly #byName = new Map<string, NewPerson & Account>();
  readonly #failures = new Map<string, number>();

  /** Adds an account, or replaces the one of that user_name. */
  add(account: NewPerson & Account): void {
    this.#byName.set(account.userName, account);
    this.#failures.delete(account.userName);
  }

  find(userName: string): Account | undefined {
    return this.#byName.get(userName);
  }

  byApiKey(key: string): Account | undefined {
    return this.all().find((account) => account.apiKeys?.some((known) => sameText(known, key)));
  }

  byCertificate(commonName: string): Account | undefined {
    return this.all().find((account) => account.certificateCommonName === commonName);
  }

  /** Counts a wrong password; returns how many there were since the last right one. */
  noteFailure(userName: string): number {
    const failures = (this.#failures.get(userName) ?? 0) + 1;
    this.#failures.set(userName, failures);
    return failures;
  }

  noteSuccess(userName: string): void {
    this.#failures.delete(userName);
  }

  clearFailures(): void {
    this.#failures.clear();
  }

  /** Those that were added, in that order. */
  all(): (NewPerson & Account)[] {
    return [...this.#byName.values()];
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
