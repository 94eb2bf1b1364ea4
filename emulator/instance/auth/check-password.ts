import type { AuthState } from './auth-state.ts';
import type { Person } from './directory.ts';

/**
 * The person whose password this is, if he may log in now. Wrong passwords count, and lock the account out when the
 * switch says so; from then on the right one is refused too.
 */
export function checkPassword(userName: string, password: string, auth: AuthState): Person | undefined {
  const person = auth.directory.find(userName);
  if (!person?.active || person.lockedOut) return undefined;
  if (auth.directory.isPassword(person, password)) {
    auth.accounts.noteSuccess(userName);
    return person;
  }
  const limit = auth.switches.lockAfterFailures;
  if (auth.accounts.noteFailure(userName) >= limit && limit > 0) auth.directory.lock(person.sysId);
  return undefined;
}
