import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern as compileOnBus } from '../../../emulator/aws/event-bridge/pattern.ts';
import { compilePattern } from '../../../lib/events/pattern.ts';

/** Set SEED to repeat a run. */
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = 2_000;

type Side = (pattern: unknown, event: unknown) => boolean | 'refused';

/** What mapEvents says. */
const ours: Side = (pattern, event) => {
  try {
    return compilePattern(pattern)(event);
  } catch {
    return 'refused';
  }
};

/** What the emulated EventBridge says, which was written apart from it. */
const bus: Side = (pattern, event) => {
  try {
    return compileOnBus(JSON.stringify(pattern))(JSON.parse(JSON.stringify(event)));
  } catch {
    return 'refused';
  }
};

const sides: readonly (readonly [string, Side])[] = [
  ['mapEvents', ours],
  ['the emulated EventBridge', bus],
];

// Few names, letters and numbers, so that patterns and events meet often.
const name = fc.constantFrom('a', 'b', 'c', 'toString');
const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.', '/', '*', '\\', 'é'), maxLength: 4 });
const word = letters.filter((text) => text !== '');
const wildcard = fc.string({
  unit: fc.constantFrom('a', 'b', '*', '.', '\\*', '\\\\', '\\'),
  minLength: 1,
  maxLength: 5,
});
const number = fc.constantFrom(-1, 0, 0.5, 1, 2, 300, 5e9, 5.1e9);
const address = fc.constantFrom(
  '10.0.0.1',
  '10.0.1.7',
  '2001:db8::1',
  '::ffff:10.0.0.1',
  '::1',
  '10.0.0',
  '',
);
const scalar = fc.oneof(letters, number, fc.boolean(), fc.constant(null), address);

const oneOrMore = <T>(of: fc.Arbitrary<T>) => fc.oneof(of, fc.array(of, { maxLength: 3 }));
const inAnyCase = fc.record({ 'equals-ignore-case': word });
const comparison = fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>=', '!='), number);
const operator = fc.oneof(
  fc.record({ prefix: fc.oneof(letters, inAnyCase) }),
  fc.record({ suffix: fc.oneof(letters, inAnyCase) }),
  inAnyCase,
  fc.record({ wildcard }),
  fc.record({ exists: fc.oneof({ weight: 9, arbitrary: fc.boolean() }, { weight: 1, arbitrary: scalar }) }),
  fc.record({
    numeric: fc.oneof(
      comparison,
      fc.tuple(comparison, comparison).map((both) => both.flat()),
    ),
  }),
  fc.record({
    cidr: fc.oneof(
      fc.constantFrom(
        '10.0.0.0/24',
        '10.0.0.1/32',
        '0.0.0.0/0',
        '2001:db8::/32',
        '::/0',
        '10.0.0.0',
        '10.0.0.0/33',
      ),
      fc.tuple(address, fc.nat(130)).map(([of, bits]) => `${of}/${bits}`),
    ),
  }),
  fc.record({ 'anything-but': oneOrMore(letters) }),
  fc.record({ 'anything-but': oneOrMore(number) }),
  fc.record({ 'anything-but': oneOrMore(fc.oneof(letters, number)) }),
  fc.record({
    'anything-but': fc.oneof(
      fc.record({ prefix: oneOrMore(word) }),
      fc.record({ suffix: oneOrMore(word) }),
      fc.record({ 'equals-ignore-case': oneOrMore(word) }),
      fc.record({ wildcard: oneOrMore(wildcard) }),
    ),
  }),
);

const { pattern } = fc.letrec<{ pattern: object; values: unknown; field: unknown }>((tie) => ({
  values: fc.array(fc.oneof({ weight: 2, arbitrary: operator }, { weight: 1, arbitrary: scalar }), {
    minLength: 1,
    maxLength: 3,
  }),
  field: fc.oneof({ maxDepth: 3, depthSize: 'small' }, tie('values'), tie('pattern')),
  pattern: fc
    .tuple(
      fc.dictionary(name, tie('field'), { maxKeys: 3 }),
      fc.option(fc.array(tie('pattern'), { minLength: 1, maxLength: 3 }), { freq: 5 }),
    )
    .map(([fields, alternatives]) => (alternatives === null ? fields : { ...fields, $or: alternatives })),
}));

/** One field with several conditions: what the operators say shows best. */
const simplePattern = fc.dictionary(
  fc.constantFrom('a', 'b'),
  fc.array(fc.oneof({ weight: 3, arbitrary: operator }, { weight: 1, arbitrary: scalar }), {
    minLength: 1,
    maxLength: 4,
  }),
  { minKeys: 1, maxKeys: 2 },
);

const { value } = fc.letrec<{ value: unknown; object: object; list: unknown[] }>((tie) => ({
  object: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  list: fc.array(tie('value'), { maxLength: 3 }),
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 3, arbitrary: scalar },
    tie('object'),
    tie('list'),
  ),
}));
const event = fc.record({ a: value, b: value, c: value }, { requiredKeys: ['a'] });

it(`mapEvents and EventBridge say the same of any pattern and event (SEED=${seed})`, () => {
  const said = { true: 0, false: 0, refused: 0 };
  fc.assert(
    fc.property(fc.oneof(pattern, simplePattern), event, (wanted, given) => {
      const answer = ours(wanted, given);
      expect(answer).toBe(bus(wanted, given));
      said[`${answer}`] += 1;
    }),
    { seed, numRuns },
  );
  // A run in which nothing matches, or everything is refused, proves nothing.
  for (const [what, count] of Object.entries(said)) expect(count, what).toBeGreaterThan(numRuns / 40);
});

/** The examples of AWS's user guide: "Comparison operators", "Arrays", "Null values and empty strings" and "Event patterns". */
const examples: readonly (readonly [pattern: object, hit: object, miss: object])[] = [
  [
    { Location: ['New York'], Day: ['Monday'] },
    { Location: 'New York', Day: 'Monday' },
    { Location: 'New York', Day: 'Friday' },
  ],
  [{ state: [{ 'anything-but': 'initializing' }] }, { state: 'running' }, { state: 'initializing' }],
  [{ Region: [{ 'anything-but': { prefix: 'us-' } }] }, { Region: 'eu-west-1' }, { Region: 'us-east-1' }],
  [{ FileName: [{ 'anything-but': { suffix: '.png' } }] }, { FileName: 'a.jpg' }, { FileName: 'a.png' }],
  [
    { state: [{ 'anything-but': { 'equals-ignore-case': 'initializing' } }] },
    { state: 'on' },
    { state: 'INITIALIZING' },
  ],
  [
    { FilePath: [{ 'anything-but': { wildcard: '*/lib/*' } }] },
    { FilePath: '/src/a' },
    { FilePath: '/a/lib/b' },
  ],
  [{ Region: [{ prefix: 'us-' }] }, { Region: 'us-east-1' }, { Region: 'eu-us-1' }],
  [
    { service: [{ prefix: { 'equals-ignore-case': 'eventb' } }] },
    { service: 'EventBridge' },
    { service: 'even' },
  ],
  [{ LastName: [''] }, { LastName: '' }, { LastName: ' ' }],
  [{ Name: ['Alice'] }, { Name: 'Alice' }, { Name: 'alice' }],
  [{ Name: [{ 'equals-ignore-case': 'alice' }] }, { Name: 'ALICE' }, { Name: 'Alice B' }],
  [{ FileName: [{ suffix: '.png' }] }, { FileName: 'a.png' }, { FileName: 'a.PNG' }],
  [
    { service: [{ suffix: { 'equals-ignore-case': 'tbridge' } }] },
    { service: 'EvenTBRIDGE' },
    { service: 'bridge' },
  ],
  [{ ProductName: [{ exists: true }] }, { ProductName: null }, { Product: 'x' }],
  [{ ProductName: [{ exists: false }] }, { Product: 'x' }, { ProductName: '' }],
  // Exists works on leaf nodes only.
  [{ detail: { state: [{ exists: false }] } }, { detail: { state: { code: 1 } } }, { detail: { state: 1 } }],
  [{ detail: { error: { code: [{ exists: false }] } } }, { detail: {} }, { detail: { error: { code: 5 } } }],
  [{ Weather: [{ 'anything-but': ['Raining'] }] }, { Weather: 'Sunny' }, { Weather: 'Raining' }],
  [{ UserID: [null] }, { UserID: null }, { UserID: '' }],
  [{ Price: [{ numeric: ['=', 100] }] }, { Price: 100 }, { Price: '100' }],
  [{ Price: [{ numeric: ['>', 10, '<=', 20] }] }, { Price: 20 }, { Price: 10 }],
  [{ PaymentType: ['Credit', 'Debit'] }, { PaymentType: 'Debit' }, { PaymentType: 'Cash' }],
  [{ $or: [{ Location: ['New York'] }, { Day: ['Monday'] }] }, { Day: 'Monday' }, { Day: 'Friday' }],
  [
    { Location: ['New York'], $or: [{ Day: ['Monday'] }, { Weather: ['Sunny'] }] },
    { Location: 'New York', Weather: 'Sunny' },
    { Location: 'Paris', Weather: 'Sunny' },
  ],
  [{ FileName: [{ wildcard: 'dir/*.png' }] }, { FileName: 'dir/sub/a.png' }, { FileName: 'other/a.png' }],
  [
    { EventBusArn: [{ wildcard: '*:*:*:event-bus/*' }] },
    { EventBusArn: 'a:b:c:event-bus/x' },
    { EventBusArn: 'event-bus/x' },
  ],
  [
    { detail: { sourceIPAddress: [{ cidr: '10.0.0.0/24' }] } },
    { detail: { sourceIPAddress: '10.0.0.9' } },
    { detail: { sourceIPAddress: '10.0.1.9' } },
  ],
  [
    { detail: { state: [{ 'anything-but': [100, 200] }] } },
    { detail: { state: 300 } },
    { detail: { state: 200 } },
  ],
  [
    { 'c-count': [{ numeric: ['>', 0, '<=', 5] }], 'd-count': [{ numeric: ['<', 10] }] },
    { 'c-count': 5, 'd-count': 9 },
    { 'c-count': 0, 'd-count': 9 },
  ],
  // A list in the event matches when its elements and those of the pattern have one in common.
  [{ resources: ['arn:1', 'arn:2'] }, { resources: ['arn:2', 'arn:3'] }, { resources: ['arn:3'] }],
  // Array matching: both fields must hold in one element.
  [
    { employees: { firstName: ['Anna'], lastName: ['Smith'] } },
    { employees: [{ firstName: 'Anna', lastName: 'Smith' }] },
    {
      employees: [
        { firstName: 'Anna', lastName: 'Jones' },
        { firstName: 'Peter', lastName: 'Smith' },
      ],
    },
  ],
  [
    { detail: { eventVersion: [''], responseElements: [null] } },
    { detail: { eventVersion: '', responseElements: null } },
    { detail: { eventVersion: '', responseElements: '' } },
  ],
];

describe.each(sides)('%s', (_name, side) => {
  it.each(examples)('does as AWS documents: %j', (wanted, hit, miss) => {
    expect(side(wanted, hit)).toBe(true);
    expect(side(wanted, miss)).toBe(false);
  });

  it.each([
    { a: [{ numeric: ['<', 5, '>', 1] }] },
    { a: [{ numeric: ['>', 5, '<', 1] }] },
    { a: [{ numeric: ['=', 5, '<', 10] }] },
    { a: [{ numeric: ['>', 5.1e9] }] },
    { a: [{ numeric: [] }] },
    { a: [{ prefix: '' }] },
    { a: [{ 'anything-but': [] }] },
    { a: [{ 'anything-but': { numeric: ['=', 1] } }] },
    { a: [{ wildcard: 'a**b' }] },
    { a: [{ cidr: '10.0.0.0' }] },
    { a: 'text' },
    { a: [] },
    { a: {} },
    {},
    { $or: [{ a: [1] }] },
  ])('refuses what AWS refuses: %j', (wanted) => {
    expect(side(wanted, { a: 1 })).toBe('refused');
  });
});
