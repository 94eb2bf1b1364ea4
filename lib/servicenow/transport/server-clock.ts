/** How far an instance's clock is ahead of ours, learned from the `Date` header of its answers. */
export type ServerClock = {
  observe(dateHeader: string | undefined, nowMs: number): void;
  /** Milliseconds; 0 until the first answer. */
  skewMs(): number;
};

/** The header has a resolution of one second and takes a while to arrive: less than this is not skew. */
const noiseMs = 2_000;

/** A clock that has seen no answer yet. */
export function createServerClock(): ServerClock {
  let skewMs = 0;
  return {
    observe(dateHeader, nowMs) {
      const serverMs = dateHeader === undefined ? Number.NaN : Date.parse(dateHeader);
      if (Number.isNaN(serverMs)) return;
      skewMs = Math.abs(serverMs - nowMs) < noiseMs ? 0 : serverMs - nowMs;
    },
    skewMs: () => skewMs,
  };
}

/** The instance's time in milliseconds by its `Date` header, or ours without one: dates in its headers refer to its own clock. */
export function timeOf(headers: Readonly<Record<string, string>>, nowMs: number): number {
  const serverMs = Date.parse(headers['date'] ?? '');
  return Number.isNaN(serverMs) ? nowMs : serverMs;
}
