import type { AuthState } from './auth-state.ts';
import type { Account, NewPerson } from './directory.ts';

/** Adds a user who may log in: the sys_user row with a password and roles, and other credentials. */
export function addAccount(auth: AuthState, account: NewPerson & Account): void {
  auth.directory.add(account);
  auth.accounts.add(account);
}
