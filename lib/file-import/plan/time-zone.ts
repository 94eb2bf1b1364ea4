import type { CallContext, ServiceNowClient } from '../../servicenow/call.ts';
import { readOwnUser } from '../instance.ts';
import { mayBeTextMoment } from './date-column.ts';
import type { ColumnTarget } from './import-plan.ts';

/** Zones of users that are UTC all year. */
const utcZones = new Set([
  'UTC',
  'GMT',
  'Etc/UTC',
  'Etc/GMT',
  'Zulu',
  'Etc/Zulu',
  'UCT',
  'Etc/UCT',
  'Etc/GMT0',
  'GMT0',
]);

/**
 * What to look at where times go into text columns: they are sent in UTC, and a transform reads such text in the zone of its user
 * when it fills a Date/Time column.
 * @returns undefined where no such column has times, the user's zone is UTC, or it cannot be read
 * @throws ServiceNowError other than that the user may not read it
 */
export async function timeZoneWarning(
  client: ServiceNowClient,
  targets: readonly (ColumnTarget | null)[],
  context: CallContext,
): Promise<string | undefined> {
  const columns = targets.flatMap((target) =>
    target?.date && mayBeTextMoment(target.date) ? [target.column] : [],
  );
  if (columns.length === 0) return undefined;
  const zone = await readOwnUser(client, 'time_zone', context);
  if (zone === undefined || utcZones.has(zone)) return undefined;
  const whose =
    zone === '' ? 'has no time zone of its own, so that of the system counts' : `has the time zone ${zone}`;
  return `times in ${[...new Set(columns)].join(', ')} are sent in UTC, and the user ${whose}: a transform into a Date/Time column reads text in that zone; set the time zone of the user to GMT`;
}
