import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** As large as the young generation gets: both its halves. */
const youngBytes = 32 << 20;

/**
 * Keeps the process of an import below 256 MB however long its file is, at little cost. Lambda's runtime lets the young
 * generation grow to 5 % of the function's memory for each of its parts, which the garbage of millions of rows would take up;
 * from `youngBytes` on it grows no further. Call it now and then.
 */
export function boundHeap(): void {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  if (young && young.space_size >= youngBytes) setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Spends memory that an import has on time that it lacks. The old generation may grow to three times what lived through its
 * last collection before the next one: V8 is stingier where a limit is given, as Lambda's runtime does, though an import keeps
 * little and throws away much. And code is compiled when it first runs: nearly all of it runs a thousand times.
 */
export function favourSpeed(): void {
  setFlagsFromString('--heap-growing-percent=200');
  setFlagsFromString('--always-sparkplug');
}
