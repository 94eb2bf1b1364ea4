import type { AuthState } from './auth-state.ts';
import type { Account, NewPerson } from './directory.ts';

/** Lets somebody in: his sys_user row with a password and roles, and what else he can prove himself with. */
export function addAccount(auth: AuthState, account: NewPerson & Account): void {
  auth.directory.add(account);
  auth.accounts.add(account);
}
