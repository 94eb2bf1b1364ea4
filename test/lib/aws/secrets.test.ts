import { describe, expect, it } from 'vitest';
import { cacheSecret, SecretUnavailableError } from '../../../lib/aws/secrets.ts';
import { ConfigurationError } from '../../../lib/core/errors.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { silentMetrics } from '../../../lib/core/metrics.ts';
import { manualClock } from '../core/manual-clock.ts';

function setUp(answers: readonly (string | Error)[]) {
  const clock = manualClock();
  let reads = 0;
  const fetchSecret = async () => {
    const answer = answers[Math.min(reads, answers.length - 1)] ?? '';
    reads += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const read = cacheSecret(fetchSecret, { ttlMs: 300_000, clock, metrics: silentMetrics, log: silentLog });
  return { clock, read, reads: () => reads };
}

const away = new SecretUnavailableError('Secrets Manager could not be reached (TimeoutError)');

describe('a cached secret', () => {
  it('is read once by all who ask at once, and at hand without waiting from then on', async () => {
    const { clock, read, reads } = setUp(['one', 'two']);
    expect(await Promise.all([read({ fresh: false }), read({ fresh: false })])).toEqual(['one', 'one']);
    await clock.advance(299_999);
    expect(read({ fresh: false })).toBe('one');
    await clock.advance(1);
    expect(await read({ fresh: false })).toBe('two');
    expect(reads()).toBe(2);
  });

  it('is read past the cache when asked for fresh, and replaces what is kept', async () => {
    const { read } = setUp(['one', 'two']);
    await read({ fresh: false });
    expect(await read({ fresh: true })).toBe('two');
    expect(read({ fresh: false })).toBe('two');
  });

  it('is used on while Secrets Manager is away, and asked for again half a minute later', async () => {
    const { clock, read, reads } = setUp(['one', away, 'two']);
    await read({ fresh: false });
    await clock.advance(300_000);
    expect(await read({ fresh: false })).toBe('one');
    expect(read({ fresh: false })).toBe('one');
    expect(reads()).toBe(2);
    await clock.advance(30_000);
    expect(await read({ fresh: false })).toBe('two');
  });

  it('is not used on when it was taken away, nor when a fresh one is needed', async () => {
    const gone = setUp(['one', new ConfigurationError('SERVICENOW_SECRET_ID', 'there is no such secret')]);
    await gone.read({ fresh: false });
    await gone.clock.advance(300_000);
    await expect(gone.read({ fresh: false })).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
    const refused = setUp(['one', away]);
    await refused.read({ fresh: false });
    await expect(refused.read({ fresh: true })).rejects.toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      retryable: true,
    });
  });

  it('that cannot be read the first time is asked for again by the next call', async () => {
    const { read } = setUp([away, 'one']);
    await expect(read({ fresh: false })).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
    expect(await read({ fresh: false })).toBe('one');
  });
});
