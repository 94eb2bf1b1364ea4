import type { Caller, CallerRights } from '../core/caller.ts';
import type { InstanceConfig } from '../core/config.ts';
import { ConnectorError } from '../core/errors.ts';

/** The caller may not do this with the table. */
export class CallerNotAllowedError extends ConnectorError {
  override readonly name: string = 'CallerNotAllowedError';
  override readonly code = 'CALLER_NOT_ALLOWED';
  override readonly ownAnswer = { status: 403, title: 'Caller not allowed' };
}

/**
 * The instance as this caller may use it: its tables are those on which the caller has the method.
 * @throws CallerNotAllowedError naming caller, method and table when one of `tables` is not among them
 */
export function instanceFor(
  instance: InstanceConfig,
  rights: CallerRights,
  caller: Caller | undefined,
  method: string,
  tables: readonly string[],
): InstanceConfig {
  if (rights === undefined) return instance;
  const held = [...(caller?.principals ?? []), '*'].flatMap((principal) => rights.get(principal) ?? []);
  const verb = method === 'HEAD' ? 'GET' : method;
  const mayUse = (table: string) =>
    held.some((one) =>
      [...(one.get(table) ?? []), ...(one.get('*') ?? [])].some((each) => each === verb || each === '*'),
    );
  const refused = tables.find((table) => !mayUse(table.toLowerCase()));
  if (refused !== undefined)
    throw new CallerNotAllowedError(
      `${caller?.name ?? 'the caller'} may not ${verb} ${refused}; see the param callers of the deployment`,
    );
  if (mayUse('*')) return instance;
  const named = held.flatMap((one) => [...one.keys()]).filter((table) => table !== '*' && mayUse(table));
  const isServed = (table: string) =>
    instance.allowedTables.includes('*') || instance.allowedTables.includes(table);
  return { ...instance, allowedTables: [...new Set(named)].filter(isServed) };
}
