let latest = { second: Number.NaN, text: '' };

/** A moment as ServiceNow stores it: `yyyy-MM-dd HH:mm:ss` in UTC. */
export function toDateTime(epochMs: number): string {
  // Many rows are written within one second.
  const second = Math.floor(epochMs / 1000);
  if (second !== latest.second) {
    latest = { second, text: new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ') };
  }
  return latest.text;
}

export const dayMs = 86_400_000;

/** The first midnight, UTC, that comes after an instant. */
export const midnightAfter = (epochMs: number) => (Math.floor(epochMs / dayMs) + 1) * dayMs;
