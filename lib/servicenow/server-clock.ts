/** How far an instance's clock is ahead of ours, learned from the `Date` header of its answers. */
export type ServerClock = {
  observe(dateHeader: string | undefined, nowMs: number): void;
  /** Milliseconds; 0 until an answer has told. */
  skewMs(): number;
};

/** The header counts whole seconds and travels for a while: less than this is not skew. */
const noiseMs = 2_000;

/** A clock that has heard nothing yet. */
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

/** The instance's time in milliseconds as its answer tells it, or ours when it does not: dates in its headers are meant by it. */
export function timeOf(headers: Readonly<Record<string, string>>, nowMs: number): number {
  const toldMs = Date.parse(headers['date'] ?? '');
  return Number.isNaN(toldMs) ? nowMs : toldMs;
}
