import type { Sample } from '../import-state.ts';

const maxSamples = 200;

/** Adds a sample; beyond a bound every second one of the old ones is dropped. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const kept = samples.length < maxSamples ? samples : samples.filter((_, i) => i % 2 === 0);
  return [...kept, sample];
}
