import type { AuthState } from './auth-state.ts';
import type { Person } from './directory.ts';

const prefix = 'glide.authenticate.basic_auth.restriction.';
const role = 'snc_basic_auth_api_access';

/** The properties of the restriction as an instance ships them: off. */
export const shippedRestriction: readonly (readonly [name: string, value: string])[] = [
  [`${prefix}active`, 'false'],
  [`${prefix}enforce`, 'false'],
  [`${prefix}enforcement_date`, ''],
  [`${prefix}allowed_users`, ''],
];

/**
 * Whether Basic is closed to somebody: once it is restricted, by the properties or by switch, only the holders of a
 * role and the users that a property lists may come with a password.
 */
export function isClosedToBasic(person: Person, auth: AuthState): boolean {
  if (!auth.switches.basicAuthRestricted && !isEnforced(auth)) return false;
  const allowed = auth.properties.value(`${prefix}allowed_users`).split(',');
  return !person.roles.has(role) && !allowed.some((name) => name.trim() === person.userName);
}

/** From its date on, when it has one. */
function isEnforced({ properties, now }: AuthState): boolean {
  const isOn = (name: string) => properties.value(prefix + name) === 'true';
  if (!isOn('active') || !isOn('enforce')) return false;
  const date = properties.value(`${prefix}enforcement_date`);
  const fromMs = date === '' ? 0 : Date.parse(`${date.replace(' ', 'T')}Z`);
  return !Number.isNaN(fromMs) && now() >= fromMs;
}
