import { timingSafeEqual } from 'node:crypto';
import type { User } from '../http/exchange.ts';
import { system } from '../row.ts';
import { hashPassword } from '../store/encode.ts';
import type { Store } from '../store/store.ts';
import { isTimeZone } from '../time/dates.ts';

/** A user of sys_user, as far as logging in is concerned. */
export type Person = User & {
  readonly active: boolean;
  readonly lockedOut: boolean;
  /** As the column holds it. */
  readonly passwordHash: string;
};

/** What a user needs to log in: creates the sys_user row when there is none of that user_name. */
export type NewPerson = {
  readonly userName: string;
  readonly password: string;
  readonly roles?: readonly string[];
  readonly timeZone?: string;
};

/** The people of the instance: sys_user with sys_user_has_role. What was read is kept until a row of them changes. */
export class Directory {
  readonly #store: Store;
  readonly #known = new Map<string, Person>();

  constructor(store: Store) {
    this.#store = store;
  }

  find(userName: string): Person | undefined {
    const known = this.#known.get(userName);
    if (known) return known;
    const row = this.#store.findBy('sys_user', 'user_name', userName);
    if (!row) return undefined;
    const person: Person = {
      sysId: row['sys_id'] ?? '',
      userName: row['user_name'] ?? '',
      name: row['name'] ?? '',
      timeZone: isTimeZone(row['time_zone'] ?? '') ? (row['time_zone'] ?? '') : 'UTC',
      dateFormat: row['date_format'] ?? '',
      timeFormat: row['time_format'] ?? '',
      roles: this.#rolesOf(row['sys_id'] ?? ''),
      active: row['active'] === 'true',
      lockedOut: row['locked_out'] === 'true',
      passwordHash: row['user_password'] ?? '',
    };
    this.#known.set(userName, person);
    return person;
  }

  /** The user_name of the user with this value in the column, as the subject of a JWT names one. */
  userNameBy(column: string, value: string): string | undefined {
    if (!this.#store.schema.column('sys_user', column)) return undefined;
    return this.#store.findBy('sys_user', column, value)?.['user_name'];
  }

  isPassword(person: Person, password: string): boolean {
    return person.passwordHash !== '' && person.passwordHash === hashPassword(password);
  }

  /** Sets `locked_out`. */
  lock(sysId: string): void {
    this.#store.update('sys_user', sysId, { locked_out: 'true' }, system);
    this.forget();
  }

  /** Adds a person, or gives the one of that user_name this password and these roles. */
  add(person: NewPerson): void {
    const columns = {
      user_password: person.password,
      ...(person.timeZone !== undefined && { time_zone: person.timeZone }),
    };
    const present = this.#store.findBy('sys_user', 'user_name', person.userName)?.['sys_id'];
    if (present === undefined) {
      const sys_id = this.#store.newSysId('sys_user');
      const names = { user_name: person.userName, name: person.userName, last_name: person.userName };
      this.#store.seed('sys_user', { sys_id, ...names, ...columns });
      this.#grant(sys_id, person.roles ?? []);
    } else {
      this.#store.assign('sys_user', present, columns);
      this.#grant(present, person.roles ?? []);
    }
    this.forget();
  }

  /** Drops what was read; users are read again when they are next needed. */
  forget(): void {
    this.#known.clear();
  }

  #grant(userId: string, roles: readonly string[]): void {
    for (const old of this.#store.select('sys_user_has_role', { where: 't0."user" = ?', params: [userId] })) {
      this.#store.remove('sys_user_has_role', old['sys_id'] ?? '');
    }
    for (const name of roles) {
      const role = this.#store.findBy('sys_user_role', 'name', name)?.['sys_id'] ?? this.#addRole(name);
      this.#store.seed('sys_user_has_role', { user: userId, role });
    }
  }

  #addRole(name: string): string {
    const sys_id = this.#store.newSysId('sys_user_role');
    this.#store.seed('sys_user_role', { sys_id, name });
    return sys_id;
  }

  #rolesOf(userId: string): ReadonlySet<string> {
    const rows = this.#store.query(
      'SELECT r.name AS name FROM sys_user_has_role h JOIN sys_user_role r ON r.sys_id = h.role WHERE h.user = ?',
      [userId],
    );
    return new Set(rows.map((row) => String(row['name'])));
  }
}

/** The credentials of an account other than its password. The rest of it is rows: sys_user and its roles. */
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
