import fc from 'fast-check';
import { expect, it } from 'vitest';
import { deriveSysId } from '../../../lib/operations/identity.ts';
import type { TestMessage } from './emulated-queue.ts';
import { create, deployment, queue, start } from './writing.ts';

/** Text that may stand in JSON: any code units, so also lone surrogates and NUL. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\uD800',
    'x\uDC00y',
    '\uFFFE',
    '^OR',
    '__proto__',
    'constructor',
    'toString',
    'sys_id',
    'javascript:1',
  ),
);

const columnName = fc.oneof(
  text,
  fc.constantFrom(
    'short_description',
    'work_notes',
    'comments',
    'correlation_id',
    'sys_id',
    '__proto__',
    'constructor',
    'toString',
    'toJSON',
    'then',
    'length',
  ),
);

/** JSON text that no parser of a language would write: deep, large, with repeated and dangerous names. */
const odd = fc.oneof(
  fc.integer({ min: 90, max: 12_000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
  fc.integer({ min: 90, max: 6_000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  fc.constantFrom(
    '{"toString":"x"}',
    '{"toString":null,"valueOf":1}',
    '{"toJSON":"x"}',
    '{"__proto__":{"toString":1}}',
    '{"constructor":{"prototype":null}}',
    '{"then":{}}',
    '{"length":-1}',
    '1e999',
    '-0',
    '98765432109876543210.5',
    '"\\u0000"',
    '"\\ud800"',
    '{"a":1,"a":2}',
  ),
  fc.integer({ min: 100_000, max: 900_000 }).map((length) => JSON.stringify('x'.repeat(length))),
);

const plain = fc.oneof({ withCrossShrink: true }, text, fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }));
const value = fc.oneof(
  plain.map((one) => JSON.stringify(one)),
  odd,
);

const columns = fc
  .array(fc.tuple(columnName, value), { maxLength: 4 })
  .map((members) => `{${members.map(([name, one]) => `${JSON.stringify(name)}:${one}`).join()}}`);

/** A body whose members are mostly what they should be, each of them sometimes anything. */
const body = fc
  .record(
    {
      action: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom('"create"', '"update"', '"upsert"', '"delete"') },
        value,
      ),
      table: fc.oneof({ weight: 8, arbitrary: fc.constantFrom('"incident"', '"Incident"') }, value),
      record: fc.oneof({ weight: 6, arbitrary: columns }, value),
      sysId: fc.oneof({ weight: 3, arbitrary: fc.constant(`"${'a'.repeat(32)}"`) }, value),
      match: fc.oneof({ weight: 3, arbitrary: columns }, value),
      key: value,
      instance: value,
      options: value,
      __proto__: value,
    },
    { requiredKeys: ['table'] },
  )
  .map((members) => {
    const given = Object.entries(members).filter(([, one]) => typeof one === 'string');
    return `{${given.map(([name, one]) => `${JSON.stringify(name)}:${one}`).join()}}`;
  });

/** SQS delivers no more than a mebibyte; the last of it is for the reason. */
const anyBody = fc
  .oneof({ weight: 6, arbitrary: body }, value, text)
  .filter((one) => Buffer.byteLength(one) <= 1_047_000);

it('of any shape touches no other of its batch, and is written or dead-lettered with a code', async () => {
  await start();
  let batches = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyBody, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      async (bodies, isFifo) => {
        batches += 1;
        const name = `b${batches}`;
        const odd = bodies.map((body, index): TestMessage => ({ id: `${name}-odd${index}`, body }));
        const good = odd.map((_odd, index) => create(`${name}-good${index}`));
        const messages = odd
          .flatMap((message, index) => [message, good[index] ?? message])
          .map((message) => (isFifo ? { ...message, group: message.id } : message));
        queue.deadLetters.length = 0;
        queue.counted.length = 0;
        expect(await queue.deliver(messages)).toEqual([]);
        for (const { id } of good)
          expect(
            queue.instance.state.store.find('incident', deriveSysId(deployment, 'incident', id)),
          ).toMatchObject({
            short_description: id,
          });
        for (const { body, attributes } of queue.deadLetters) {
          expect(bodies).toContain(body);
          expect(attributes['ErrorCode']).toMatch(/^(?!INTERNAL)[A-Z_]+$/);
        }
      },
    ),
    { numRuns: 40, interruptAfterTimeLimit: 20_000, endOnFailure: true },
  );
});

const nested = (levels: number) => `${'['.repeat(levels)}"x"${']'.repeat(levels)}`;
const creating = (value: string) => `{"table":"incident","record":{"description":${value}}}`;
const signalling = (value: string) =>
  `{"action":"signal","signal":"open","source":"disk","key":"web-01","eventId":"e1","at":"2026-11-01T00:00:00Z","fields":{"description":${value}}}`;

it.each([
  ['a record', creating, 'record.description'],
  ['a signal', signalling, 'fields.description'],
])(
  'a hundred levels deep is written, and deeper is a dead letter that names the column: %s',
  async (_what, bodyOf, path) => {
    await start();
    expect(await queue.deliver([{ id: 'm1', body: bodyOf(nested(100)) }])).toEqual([]);
    expect(queue.deadLetters).toEqual([]);
    const body = bodyOf(nested(102));
    expect(await queue.deliver([{ id: 'm2', body }])).toEqual([]);
    expect(queue.deadLetters).toEqual([
      {
        body,
        attributes: expect.objectContaining({
          ErrorCode: 'INVALID_INPUT',
          ErrorMessage: `${path}: is nested more than 100 levels deep`,
        }),
      },
    ]);
  },
);
