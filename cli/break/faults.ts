/** A fault of the emulated instance as its control takes it, without how long it lasts. */
export type Fault = Readonly<Record<string, unknown>> & { readonly action: string };

/** What can be broken, by the name that a person gives it: what happens, and the faults that do it. */
export const breakages: Readonly<
  Record<string, { readonly about: string; readonly faults: readonly Fault[] }>
> = {
  outage: { about: 'every request gets a 503, as during an upgrade', faults: [{ action: 'unavailable' }] },
  '429': {
    about: 'every request is over the rate limit, for 5 seconds more',
    faults: [{ action: 'throttled', retryAfterS: 5 }],
  },
  'lost-answers': {
    about: 'writes are carried out, and their answers are lost',
    faults: [{ action: 'reset-after-commit', match: { method: 'POST' } }],
  },
  'late-commits': {
    about: 'the caller is cut off, and the write is carried out two seconds later',
    faults: [{ action: 'late-commit', delayMs: 2_000, match: { method: 'POST' } }],
  },
  'expired-tokens': {
    about: 'bearer tokens expire before they are checked (basic logins pass)',
    faults: [{ action: 'expired-token' }],
  },
  slow: {
    about: 'every answer takes three seconds longer',
    faults: [{ action: 'latency', latencyMs: 3_000 }],
  },
};
