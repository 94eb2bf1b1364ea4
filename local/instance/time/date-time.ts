/** A moment as ServiceNow stores it: `yyyy-MM-dd HH:mm:ss` in UTC. */
export function toDateTime(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
}
