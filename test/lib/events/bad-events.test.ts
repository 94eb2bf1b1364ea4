import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../../../lib/core/errors.ts';
import { loadMappings } from '../../../lib/events/load-mappings.ts';
import { createMapper } from '../../../lib/events/map-event.ts';
import { readSignal } from '../../../lib/operations/signal.ts';

/** Set SEED to repeat a run. */
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const arrival = { atMs: Date.parse('2026-11-29T08:00:00Z'), messageId: 'm-1' };
const { map } = createMapper(await loadMappings());

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

const folder = 'mappings/samples';
const samples = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && !name.endsWith('-sns.json'))
  .map((name): JsonObject => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')));
const sample = (name: string): JsonObject => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'));

/** Every place in a value, the outermost first. */
function placesIn(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, one]) => placesIn(one, [...path, name]))];
}

/** A copy with something else at a place; undefined leaves the place out. */
function withAt(value: Json, [name, ...deeper]: readonly string[], other: Json | undefined): Json {
  if (name === undefined) return other ?? null;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([held, one]): [string, Json][] => {
    if (held !== name) return [[held, one]];
    if (deeper.length > 0) return [[held, withAt(one, deeper, other)]];
    return other === undefined ? [] : [[held, other]];
  });
  return Array.isArray(value) ? entries.map(([, one]) => one) : Object.fromEntries(entries);
}

const secret = 'CONTENT-OF-A-RECORD';
const oddities = fc.constantFrom<Json | undefined>(
  ...[undefined, null, '', ' ', 0, -1, 1e21, true, [], {}, [[]], [null], { a: {} }],
  ...['k'.repeat(600), 'x'.repeat(250_000), 'a^b', 'a\nb', '🔥', '\u0000', '\ud800', '__proto__', secret],
  ...['javascript:gs.x()', 'Mon, 02 Nov 2026 08:04:50 GMT', 'yesterday', '9999-12-31T23:59:59Z', '-1'],
  ...[[secret, secret], { constructor: secret, __proto__: null }, { toString: 1 }],
);

it(`whatever a source sends comes to a signal, to nothing, or to an error that names a field (SEED=${seed})`, async () => {
  const event = fc.constantFrom(...samples).chain((whole) =>
    fc
      .array(fc.tuple(fc.constantFrom(...placesIn(whole).slice(1)), oddities), {
        minLength: 1,
        maxLength: 4,
      })
      .map((changes) =>
        changes.reduce<Json>((changed, [path, other]) => withAt(changed, path, other), whole),
      ),
  );
  const outcomes: Record<string, number> = { signal: 0, ignored: 0, refused: 0, 'no file': 0 };
  const count = (name: string) => {
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  };
  await fc.assert(
    fc.asyncProperty(event, async (given) => {
      const mapped = await map(Object(given), arrival).catch((error: unknown) => {
        expect(error).toBeInstanceOf(ConnectorError);
        count('no file');
        return { elements: [] };
      });
      for (const one of mapped.elements) {
        if ('ignored' in one) count('ignored');
        if ('signal' in one) {
          count('signal');
          expect(readSignal(JSON.parse(JSON.stringify(one.signal)))).toEqual(one.signal);
          expect(JSON.stringify(one.signal).length).toBeLessThan(200_000);
        }
        if (!('error' in one)) continue;
        count('refused');
        expect(one.error).toBeInstanceOf(ConnectorError);
        const { message } = one.error instanceof Error ? one.error : { message: '' };
        expect(message).toMatch(/^[\w.]+: /);
        expect(message).not.toContain(secret);
        expect(message.length).toBeLessThan(400);
      }
    }),
    { seed, numRuns: 400 },
  );
  for (const [outcome, times] of Object.entries(outcomes)) expect(times, outcome).toBeGreaterThan(0);
});

it.each([
  ['guardduty-high', 'detail/id'],
  ['guardduty-high', 'detail/accountId'],
  ['config-non-compliant', 'detail/resourceId'],
  ['config-non-compliant', 'detail/resourceType'],
  ['backup-failed', 'detail/backupVaultName'],
  ['health-issue', 'detail/eventArn'],
  ['ocsf-new', 'detail/findings/0/metadata/uid'],
  ['asff-failed', 'detail/findings/0/Id'],
  ['cpu-alarm', 'resources/0'],
  ['cost-anomaly', 'detail/anomalyId'],
  ['generic-open', 'source'],
])('the event of %s is refused without %s: its record would be shared', async (name, path) => {
  const { elements } = await map(Object(withAt(sample(name), path.split('/'), undefined)), arrival);
  expect(elements).toMatchObject([{ error: { field: expect.stringMatching(/^key/) } }]);
});

it('closes a public issue under the key that its record was opened with in the release before', async () => {
  const { elements } = await map(Object(sample('health-issue-closed')), arrival);
  const { eventArn } = Object(sample('health-issue-closed'))['detail'];
  expect(elements).toMatchObject([{ signal: { signal: 'resolve', key: `${eventArn} 123456789012` } }]);
});

it('no value that a source sends as null fails an expression', async () => {
  for (const whole of samples)
    for (const place of placesIn(whole).slice(1)) {
      const { elements } = await map(Object(withAt(whole, place, null)), arrival).catch(() => ({
        elements: [],
      }));
      for (const one of elements)
        if ('error' in one) expect(String(one.error), place.join('.')).toMatch(/has no value|key: |must be/);
    }
});

describe('an alarm', () => {
  const alarm = sample('cpu-alarm');
  const changed = (path: string, other: Json | undefined) => withAt(alarm, path.split('/'), other);
  const signalOf = async (event: Json) => {
    const { elements } = await map(Object(event), arrival);
    const [one] = elements;
    if (!one || !('signal' in one)) throw new Error(JSON.stringify(elements));
    return one.signal;
  };

  it.each<[string, Json | undefined]>([
    ['absent', undefined],
    ['null, since they could not be read', null],
    ['an empty object', {}],
    ['a list', []],
    ['a message that they could not be read', 'AccessDenied'],
  ])('opens a record without its tags: %s', async (_what, tags) => {
    expect(await signalOf(changed('detail/alarmTags', tags))).toMatchObject({
      signal: 'open',
      fields: { impact: '2', urgency: '2' },
      lookups: { assignment_group: { by: { name: null } } },
    });
  });

  it.each<[Json, string]>([
    ['critical', '1'],
    ['CRITICAL', '1'],
    ['low', '3'],
    ['of a kind that nothing knows', '2'],
    ['', '2'],
    [7, '2'],
    [['critical', 'low'], '2'],
    ['constructor', '2'],
  ])('of the severity %j opens a record of the impact %s', async (severity, impact) => {
    expect(await signalOf(changed('detail/alarmTags', { severity }))).toMatchObject({ fields: { impact } });
  });

  it('in the far future is mapped with its time; the record counts it as of its arrival', async () => {
    expect(await signalOf(changed('detail/state/timestamp', '2099-01-01T00:00:00.000+0000'))).toMatchObject({
      at: '2099-01-01T00:00:00.000Z',
    });
  });
});
