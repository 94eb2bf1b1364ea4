import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compileAll, compileMapping, compileMappings } from '../../../lib/events/compile.ts';
import { createMapper } from '../../../lib/events/map-event.ts';
import type { CompiledMapping, Mappings } from '../../../lib/events/mapping.ts';

const arrival = { atMs: Date.parse('2026-11-29T08:00:00.000Z'), messageId: 'm-1' };

const base = `
source: test
when: { source: [test] }
key: "{% detail.key %}"
signal: [{ is: open }]
`;

function mapperOf(more: string, defaults: Mappings['defaults'] = {}) {
  return createMapper({
    mappings: [
      compileMapping(
        'test.yaml',
        base
          .replace(/^key:.*\n/m, (line) => (/^key:/m.test(more) ? '' : line))
          .replace(/^signal:.*\n/m, (line) => (/^signal:/m.test(more) ? '' : line)) + more,
      ),
    ],
    defaults,
  });
}

const event = (detail: object = { key: 'k' }, more: object = {}) => ({
  ...{ id: 'e-1', source: 'test', time: '2026-11-29T07:59:00Z', detail },
  ...more,
});

async function mapOne(more: string, given: object = event(), defaults: Mappings['defaults'] = {}) {
  const { elements } = await mapperOf(more, defaults).map(given, arrival);
  const [only] = elements;
  if (!only || elements.length > 1) throw new Error('one element was expected');
  return only;
}

async function signalOf(more: string, given: object = event(), defaults: Mappings['defaults'] = {}) {
  const mapped = await mapOne(more, given, defaults);
  if ('error' in mapped) throw mapped.error;
  if (!('signal' in mapped)) throw new Error(mapped.ignored);
  return mapped.signal;
}

describe('a mapping', () => {
  it('makes a signal of an event', async () => {
    expect(
      await signalOf('fields: { short_description: "{% \'Alarm \' & detail.key %}", impact: 1 }'),
    ).toMatchObject({
      ...{ signal: 'open', source: 'test', key: 'k', eventId: 'e-1', at: '2026-11-29T07:59:00.000Z' },
      ...{ target: 'incident', fields: { short_description: 'Alarm k', impact: '1' } },
      reopen: { within: 'PT4H', state: '2', atMost: 5 },
    });
  });

  it('leaves out columns without a value, and joins lists', async () => {
    const fields =
      'fields: { a: "{% detail.none %}", b: "{% detail.nil %}", c: "{% detail.list %}", d: "{% detail.deep %}" }';
    const detail = { key: 'k', nil: null, list: ['x', 'y'], deep: { z: 1 } };
    expect((await signalOf(fields, event(detail))).fields).toEqual({ c: 'x, y', d: '{"z":1}' });
  });

  it('lays built-in values, defaults, the file and the matching entry over each other', async () => {
    const defaults = {
      incident: {
        fields: { caller_id: { literal: 'd' }, impact: { literal: '3' }, urgency: { literal: '3' } },
        resolve: { close_code: { literal: 'd' } },
      },
    };
    const more = `fields: { impact: 2, urgency: 2 }
signal: [{ is: open, fields: { urgency: 1 }, reopen: { atMost: 1 } }]
`;
    const signal = await signalOf(more, event(), defaults);
    expect(signal).not.toHaveProperty('resolve');
    expect(signal).toMatchObject({
      fields: { caller_id: 'd', impact: '2', urgency: '1' },
      reopen: { within: 'PT4H', state: '2', atMost: 1 },
    });
  });

  it('needs only what its signal writes', async () => {
    const defaults = { incident: { resolve: { close_code: { literal: 'd' } } } };
    const more = `required: [impact]
fields: { impact: "{% $number(detail.level) %}" }
resolve: { close_notes: "{% $number(detail.reason) %}" }
signal: [{ when: { detail: { state: [OK] } }, is: resolve }, { is: open }]
`;
    const resolved = event({ key: 'k', state: 'OK', level: 'x', reason: '5' });
    expect(await signalOf(more, resolved, defaults)).toMatchObject({
      ...{ signal: 'resolve', fields: {} },
      resolve: { state: '6', close_code: 'd', close_notes: '5' },
    });
    expect(await signalOf(more, event({ key: 'k', level: '2', reason: 'x' }))).toMatchObject({
      fields: { impact: '2' },
    });
    expect(await mapOne(more, event({ key: 'k' }))).toMatchObject({ error: { field: 'fields.impact' } });
  });

  it('takes the first entry that matches, by pattern or expression', async () => {
    const more = `signal:
  - { when: { detail: { state: [OK] } }, is: resolve }
  - { when: "{% detail.level > 3 %}", is: ignore }
  - { when: { detail: { state: [ALARM] } }, is: open }
`;
    expect(await signalOf(more, event({ key: 'k', state: 'OK' }))).toMatchObject({ signal: 'resolve' });
    expect(await mapOne(more, event({ key: 'k', level: 4 }))).toMatchObject({
      entry: 1,
      ignored: expect.any(String),
    });
    expect(await mapOne(more, event({ key: 'k' }))).toMatchObject({ entry: undefined });
  });

  it('takes null for nothing in expressions, and for null in patterns', async () => {
    const more = `signal:
  - { when: { detail: { state: [null] } }, is: note }
  - { is: open }
note: "{% $join([detail.nil, detail.text, detail.list], ', ') %}"
fields: { description: "{% $exists(detail.nil) %}" }
`;
    const detail = { key: 'k', nil: null, text: 't', list: ['x'] };
    expect(await signalOf(more, event(detail))).toMatchObject({
      ...{ signal: 'open', note: 't, x' },
      fields: { description: 'false' },
    });
    expect(await signalOf(more, event({ ...detail, state: null }))).toMatchObject({ signal: 'note' });
    const ofEach = `each: "{% detail.findings[Id = 'a'] %}"
key: "{% Id %}"
signal: [{ when: { state: [null] }, is: note }, { is: open }]
note: "{% $join([state, Id]) %}"
`;
    expect(await signalOf(ofEach, event({ findings: [{ Id: 'a', state: null }, null] }))).toMatchObject({
      ...{ signal: 'note', note: 'a' },
    });
  });

  it('may call every function of JSONata but $eval', () => {
    const library = readFileSync(createRequire(import.meta.url).resolve('jsonata'), 'utf8');
    const bound = library.matchAll(/\b(?:staticFrame|environment)\.bind\('(\w+)'/g);
    const names = [...bound].map(([, name = '']) => name).filter((name) => name !== 'eval');
    expect(names.length).toBeGreaterThan(60);
    for (const name of names)
      expect(() => compileMapping('test.yaml', `${base}note: "{% $${name}(detail.x) %}"\n`)).not.toThrow();
  });

  it('may name a value like a function that it does not call', async () => {
    const more = `let: { type: "{% detail.kind %}", count: "{% $type & $string(1) %}" }
fields: { category: "{% $type %}", description: "{% $count %}" }
`;
    expect((await signalOf(more, event({ key: 'k', kind: 'disk' }))).fields).toEqual({
      ...{ category: 'disk', description: 'disk1' },
    });
  });

  it('may take the present for a time that the event lacks', async () => {
    const more = 'at: "{% detail.t ? detail.t : $now() %}"\n';
    const t = '2026-11-29T07:00:00.000Z';
    expect((await signalOf(more, event({ key: 'k', t }))).at).toBe(t);
  });

  it('takes literal objects as they are, and columns of any name', async () => {
    const more = `let: { s: { expression: "rate(5 minutes)", literal: { expression: "rate(" } } }
fields: { description: "{% $s.expression %}", literal: "{% $s.literal.expression %}", expression: x }
`;
    expect((await signalOf(more)).fields).toEqual({
      ...{ description: 'rate(5 minutes)', literal: 'rate(', expression: 'x' },
    });
    expect(() => mapperOf('fields: { literal: "{% $nope %}" }\n')).toThrow(
      'fields.literal: $nope is neither',
    );
  });

  it('keeps the places of nulls in lists, and makes nothing of a null element', async () => {
    const more = `each: "{% detail.list %}"
key: "{% $ %}"
fields: { category: "{% $event.detail.list[1] %}", description: "{% $event.detail.list[0] %}" }
`;
    const { elements } = await mapperOf(more).map(event({ list: [null, 'b'] }), arrival);
    expect(elements).toMatchObject([{ element: 1, signal: { key: 'b', eventId: 'e-1/1' } }]);
    expect(Object(elements[0])['signal'].fields).toEqual({ category: 'b' });
  });

  it('gives a signal for each element, and keeps what fails apart from the rest', async () => {
    const more = `each: "{% detail.findings %}"
key: "{% Id %}"
signal: [{ when: { State: [GONE] }, is: resolve }, { is: open }]
fields: { description: "{% $event.source & Id %}" }
`;
    const findings = [{ Id: 'a' }, {}, { Id: 'b', State: 'GONE' }];
    const { elements } = await mapperOf(more).map(event({ findings }), arrival);
    expect(elements).toMatchObject([
      { signal: { key: 'a', eventId: 'e-1/0', fields: { description: 'testa' } } },
      { error: { field: 'key' } },
      { signal: { key: 'b', signal: 'resolve' } },
    ]);
    const count = async (given: unknown) =>
      (await mapperOf(more).map(event({ findings: given }), arrival)).elements.length;
    expect([await count([]), await count({ Id: 'x' }), await count(Array(100).fill({ Id: 'x' }))]).toEqual([
      0, 1, 100,
    ]);
  });

  it.each([
    ['missing', {}, 'has no value'],
    ['empty', { key: '  ' }, 'has no value'],
    ['of 600 characters', { key: 'k'.repeat(600) }, 'at most 512'],
    ['a list', { key: ['a', 'b'] }, 'not a list'],
  ])('refuses a key that is %s', async (_what, detail, reason) => {
    expect(await mapOne('', event(detail))).toMatchObject({
      error: { message: expect.stringContaining(reason) },
    });
  });

  it('refuses a key of which a part has no value', async () => {
    const more = 'key: ["{% detail.a %}", "{% detail.b %}"]\n';
    expect((await signalOf(more, event({ a: 1, b: 'x' }))).key).toBe('1 x');
    expect(await mapOne(more, event({ a: 1 }))).toMatchObject({ error: { field: 'key.1' } });
  });

  it.each(['a^b', 'a\nb', '🔥 disk', "x'y", '0'])('takes the key %j as it is', async (key) => {
    expect((await signalOf('', event({ key }))).key).toBe(key);
  });

  it.each([255, 20_000])('names events apart whose ids begin with the same %i characters', async (length) => {
    const idOf = async (end: string) =>
      (await signalOf('id: "{% detail.id %}"\n', event({ key: 'k', id: 'x'.repeat(length) + end }))).eventId;
    expect(await idOf('ab')).not.toBe(await idOf('ac'));
  });

  it.each([
    ['missing', undefined, '2026-11-29T08:00:00.000Z'],
    ['in the form of HTTP', 'Sun, 29 Nov 2026 07:00:00 GMT', '2026-11-29T07:00:00.000Z'],
    ['with an offset without a colon', '2026-11-29T07:00:00.123+0100', '2026-11-29T06:00:00.123Z'],
    ['in seconds', 1_764_400_000, '2025-11-29T07:06:40.000Z'],
    ['of one digit of a day', 'Mon, 2 Nov 2026 08:04:50 GMT', '2026-11-02T08:04:50.000Z'],
    ['in the form of HTTP with an offset', 'Mon, 02 Nov 2026 08:04:50 +0100', '2026-11-02T07:04:50.000Z'],
    ['in the form of HTTP in UTC', 'Mon, 02 Nov 2026 08:04:50 UTC', '2026-11-02T08:04:50.000Z'],
    ['in the older form of HTTP', 'Monday, 02-Nov-26 08:04:50 GMT', '2026-11-02T08:04:50.000Z'],
    ['in the form of asctime', 'Mon Nov  2 08:04:50 2026', '2026-11-02T08:04:50.000Z'],
    ['without separators', '20261102T080450Z', '2026-11-02T08:04:50.000Z'],
    ['a day', '2026-11-02', '2026-11-02T00:00:00.000Z'],
    ['of a fraction after a comma', '2026-11-02T08:04:50,120+0000', '2026-11-02T08:04:50.120Z'],
    ['of nanoseconds', '2026-11-02 08:04:50.123456789', '2026-11-02T08:04:50.123Z'],
    ['behind UTC', '2026-11-02T08:04:50-03:30', '2026-11-02T11:34:50.000Z'],
    ['of midnight as 24:00', '2026-11-02T24:00:00Z', '2026-11-03T00:00:00.000Z'],
  ])('reads a time that is %s', async (_what, time, at) => {
    expect((await signalOf('', event(undefined, { time }))).at).toBe(at);
  });

  it.each([
    ...['yesterday', '2026-13-01T00:00:00Z', {}, '2026-02-30T08:00Z', '2026-11-02T25:00:00Z', '1234'],
    ...['Mon, 31 Feb 2026 08:04:50 GMT', 'Mon, 02 Xyz 2026 08:04:50 GMT', '2026-11-02T08:61Z'],
  ])('refuses the time %j', async (time) => {
    expect(await mapOne('', event(undefined, { time }))).toMatchObject({ error: { field: 'at' } });
  });

  it('ignores an open in a quiet window', async () => {
    const more = 'quiet: [{ from: "22:00", to: "06:00", days: [sat], zone: Europe/Zurich }]\n';
    const at = (time: string) => mapOne(more, event(undefined, { time }));
    expect(await at('2026-11-28T21:30:00Z')).toMatchObject({ ignored: 'a quiet window' });
    expect(await at('2026-11-29T04:30:00Z')).toMatchObject({ ignored: 'a quiet window' });
    expect(await at('2026-11-29T05:30:00Z')).toMatchObject({ signal: {} });
    expect(await at('2026-11-29T21:30:00Z')).toMatchObject({ signal: {} });
  });

  it('says which required column has no value', async () => {
    expect(await mapOne('required: [impact]\nfields: { impact: "{% detail.none %}" }\n')).toMatchObject({
      error: { field: 'fields.impact' },
    });
  });

  it('asks no condition without a value', async () => {
    const more = 'fields: { cmdb_ci: { find: cmdb_ci, by: { name: "{% detail.host %}" }, else: none } }\n';
    expect((await signalOf(more)).lookups).toEqual({
      cmdb_ci: { find: 'cmdb_ci', by: { name: null }, else: 'none' },
    });
  });

  it('cuts texts that no column holds', async () => {
    const { fields } = await signalOf(
      'fields: { description: "{% detail.text %}" }',
      event({ key: 'k', text: '😀'.repeat(50_000) }),
    );
    expect(String(fields?.['description']).length).toBeLessThanOrEqual(16_000);
    expect(String(fields?.['description']).isWellFormed()).toBe(true);
  });

  it('cuts a value to look for that no column holds', async () => {
    const more = 'fields: { cmdb_ci: { find: cmdb_ci, by: { name: "{% detail.text %}" } } }';
    const { lookups } = await signalOf(more, event({ key: 'k', text: 'x'.repeat(250_000) }));
    expect(String(lookups?.['cmdb_ci']?.by['name'])).toHaveLength(16_000);
  });

  it('maps an event that two files match for neither', async () => {
    const twin: CompiledMapping = compileMapping(
      'twin.yaml',
      base.replace('when: { source: [test] }', 'when: { detail: { key: [k] } }'),
    );
    const mapper = createMapper({ mappings: [compileMapping('test.yaml', base), twin], defaults: {} });
    await expect(mapper.map(event(), arrival)).rejects.toThrow('two mapping files, test.yaml and twin.yaml');
    await expect(mapper.map(event({ key: 'x' }, { source: 'y' }), arrival)).rejects.toThrow(
      'no mapping file',
    );
  });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mappings-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('a mapping file that is wrong', () => {
  it.each<readonly [what: string, text: string, message: string]>([
    ['a part that nothing knows', `${base}fileds: {}\n`, 'test.yaml:6: fileds: is not a known part'],
    [
      'an expression that cannot be parsed',
      base.replace('detail.key', 'detail..('),
      'test.yaml:4: key: is not a JSONata',
    ],
    ['text around an expression', base.replace('{% detail', 'x {% detail'), 'test.yaml:4: key: mixes text'],
    [
      'an operator that nothing knows',
      base.replace('[test]', '[{ regex: x }]'),
      'test.yaml:3: when.source[0]: must be one of',
    ],
    [
      'an entry without a signal',
      base.replace('is: open', 'is: opened'),
      'test.yaml:5: signal.0.is: must be open',
    ],
    ['a column that cannot be one', `${base}fields: { Impact: 1 }\n`, 'test.yaml:6: fields.Impact: '],
    [
      'a look-up without conditions',
      `${base}fields:\n  a: 1\n  cmdb_ci: { find: cmdb_ci }\n`,
      'test.yaml:8: fields.cmdb_ci: look-up: by',
    ],
    ['broken YAML', `${base}fields: [\n`, 'test.yaml:'],
    ['the same part twice', `${base}key: x\n`, 'test.yaml:6: Map keys must be unique'],
    ['no key', base.replace(/key:.*\n/, ''), 'test.yaml:1: key: '],
    ['$eval', base.replace('detail.key', "$eval('1')"), 'test.yaml:4: key: must not use $eval'],
    ...['detail.x = null', 'null != detail.x'].map(
      (comparison) =>
        [
          'a comparison with null, which is never true or always',
          `${base}fields: { impact: "{% ${comparison} ? 1 : 2 %}" }\n`,
          'test.yaml:6: fields.impact: compares with null, which counts as missing: use $exists(…) or $not($exists(…))',
        ] as const,
    ),
    [
      'a slow regular expression',
      base.replace('detail.key', '$match(a, /(a*)*/)'),
      'test.yaml:4: key: has a regular expression',
    ],
    [
      'a duration that is none',
      `${base}reopen: { within: 4h }\n`,
      'test.yaml:6: reopen.within: must be a duration',
    ],
    [
      'a misspelt reason not to resolve',
      `${base}resolve: { unless: asigned }\n`,
      'test.yaml:6: resolve.unless: must be assigned',
    ],
    [
      'a required column that no field fills',
      `${base}fields: { impact: 1 }\nrequired: [impact, urgncy]\n`,
      'test.yaml:7: required.1: urgncy is not among fields',
    ],
    [
      'a column to write again that no field fills',
      `${base}fields: { impact: 1 }\nsignal: [{ is: open, update: [impct] }]\n`.replace(
        'signal: [{ is: open }]\n',
        '',
      ),
      'signal.0.update.0: impct is not among fields',
    ],
    [
      'an expression as the substitute of a look-up',
      `${base}fields:\n  cmdb_ci:\n    find: cmdb_ci\n    by: { name: x }\n    else: "{% $x %}"\n`,
      'test.yaml:10: fields.cmdb_ci.else: must be text',
    ],
    [
      'an expression as a state',
      `${base}reopen: { state: "{% $x %}" }\n`,
      'test.yaml:6: reopen.state: must be text',
    ],
    ['an empty file', '', 'test.yaml:1: file: '],
    ['an alias of nothing', `${base}note: *missing\n`, 'test.yaml:6: *missing is not defined above'],
    ['an alias of itself', `${base}let: &a { b: *a }\n`, 'test.yaml:6: *a stands inside of what it means'],
    [
      'aliases that multiply',
      `${base}let:\n${['a', 'b', 'c', 'd', 'e']
        .map((name, at, all) => `  ${name}: &${name} [${at === 0 ? 1 : `*${all[at - 1]},`.repeat(9)}]\n`)
        .join('')}`,
      'test.yaml:11: *d makes too many values',
    ],
    ['a target without states', `${base}target: sys_user\n`, 'test.yaml:6: target: must be incident'],
    [
      'a column that signals write',
      `${base}fields: { correlation_id: x }\n`,
      'test.yaml:6: fields.correlation_id: is derived',
    ],
    [
      'a function that nothing knows',
      base.replace('detail.key', '$lowercse(detail.key)'),
      'test.yaml:4: key: $lowercse is neither',
    ],
    [
      'a variable that nothing knows',
      `${base}let: { level: 1 }\nfields: { impact: "{% $levl %}" }\n`,
      'test.yaml:7: fields.impact: $levl is neither',
    ],
    [
      'a variable before its definition',
      `${base}let: { a: "{% $b %}", b: 1 }\n`,
      'test.yaml:6: let.a: $b is neither',
    ],
    [
      'a misspelt variable in a look-up',
      `${base}fields:\n  cmdb_ci: { find: cmdb_ci, by: { name: "{% $nme %}" } }\n`,
      'test.yaml:7: fields.cmdb_ci.by.name: $nme is neither',
    ],
    [
      'a call of a function that a value hides',
      `${base}let: { sum: 1 }\nfields: { impact: "{% $sum(detail.list) %}" }\n`,
      'test.yaml:7: fields.impact: $sum is a value of let and no function here',
    ],
    [
      'a value passed on to a function that another value hides',
      `${base}let: { sum: 1 }\nfields: { impact: "{% detail.list ~> $sum %}" }\n`,
      'test.yaml:7: fields.impact: $sum is a value of let and no function here',
    ],
    [
      'an expression inside of a value',
      `${base}let: { a: { b: "{% detail.x %}" } }\n`,
      'test.yaml:6: let.a: must be one expression as a whole',
    ],
    ...['key', 'id'].map(
      (part) =>
        [
          `another ${part} each time`,
          `${base.replace(/key.*\n/, part === 'key' ? '' : '$&')}${part}: "{% $string($millis()) %}"\n`,
          `${part}: must not use $millis`,
        ] as const,
    ),
    [
      'a moment that does not exist',
      `${base}quiet: [{ from: "2026-13-45T00:00Z", to: "2026-12-24T00:00Z" }]\n`,
      'test.yaml:6: quiet.0: from and to must be moments that exist',
    ],
    [
      'a window that ends before it begins',
      `${base}quiet: [{ from: "2026-12-25T00:00Z", to: "2026-12-24T00:00Z" }]\n`,
      'test.yaml:6: quiet.0: from must be before to',
    ],
    [
      'days of moments',
      `${base}quiet: [{ from: "2026-12-23T00:00Z", to: "2026-12-24T00:00Z", days: [sat] }]\n`,
      'test.yaml:6: quiet.0: days and zone are for times of a day',
    ],
    [
      'an entry that is never reached',
      base.replace('[{ is: open }]', '[{ is: open }, { when: { detail: { a: [1] } }, is: resolve }]'),
      'test.yaml:5: signal.1: is never reached',
    ],
    [
      'a target that is never reached',
      `${base}target: [{ is: incident }, { is: problem }]\n`,
      'test.yaml:6: target.1: is never reached',
    ],
    ['a state that closes', `${base}resolve: { state: 7 }\n`, 'test.yaml:6: resolve.state: is not the state'],
  ])('is named with line and path: %s', (_what, text, message) => {
    expect(() => compileMapping('test.yaml', text)).toThrow(message);
  });

  it.each([
    ['functions of its own', '($f := function($n) { $n + $level }; $f(1))'],
    ['names of a path', 'a@$x.b#$i[$x.id = $i].c'],
    ['functions by a chain', 'detail.a ~> $uppercase ~> $substring(?, 0, 3)'],
    ['the whole and the context', '$$.detail.a & $string($) & $event.id'],
  ])('is one with %s', (_what, expression) => {
    const more = `let: { level: 1 }\nfields: { impact: ${JSON.stringify(`{% ${expression} %}`)} }\n`;
    expect(compileMapping('test.yaml', base + more)).toMatchObject({ source: 'test' });
  });

  it('may require columns that defaults.yaml fills', () => {
    const defaults = { incident: { fields: { caller_id: { literal: 'x' } } } };
    expect(compileMapping('test.yaml', `${base}required: [caller_id]\n`, defaults)).toMatchObject({
      required: ['caller_id'],
    });
  });

  it.each([
    [
      'a misspelt function',
      'fields: { impact: "{% $upercase(x) %}" }',
      '3: incident.fields.impact: $upercase is neither',
    ],
    [
      'a value that no file has',
      'fields: { impact: "{% $levl %}" }',
      '3: incident.fields.impact: $levl is neither',
    ],
    [
      'a value that is called',
      'resolve: { close_notes: "{% $level(1) %}" }',
      '3: incident.resolve.close_notes: $level is a value',
    ],
    [
      'a misspelt name in a look-up',
      'fields: { caller_id: { find: sys_user, by: { name: "{% $usr %}" } } }',
      '3: incident.fields.caller_id.by.name: $usr is neither',
    ],
    [
      'a column that nothing fills',
      'required: [asignment_group]',
      '3: incident.required.0: asignment_group is not',
    ],
    ['a column that nothing writes', 'update: [impakt]', '3: incident.update.0: impakt is not among fields'],
    ['a state that closes', 'resolve: { state: 7 }', '3: incident.resolve.state: is not the state'],
    [
      'a column of the life',
      'fields: { correlation_id: x }',
      '3: incident.fields.correlation_id: is derived',
    ],
  ])('is named where it is defaults.yaml: %s', (_what, parts, message) => {
    const folder = newFolder();
    writeFileSync(join(folder, 'a.yaml'), `${base}let: { level: 1 }\nfields: { impact: 2 }\n`);
    writeFileSync(join(folder, 'defaults.yaml'), `# ours\nincident:\n  ${parts}\n`);
    expect(() => compileAll(folder)).toThrow(`defaults.yaml:${message}`);
  });

  it('is named where defaults.yaml has a table that no file has', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'a.yaml'), base);
    writeFileSync(join(folder, 'defaults.yaml'), 'incidnet: { fields: { caller_id: x } }\n');
    expect(() => compileAll(folder)).toThrow('defaults.yaml:1: incidnet: is the target of no mapping file');
    const own = base.replace('signal', 'target: u_outage\nlife: none\nsignal');
    writeFileSync(join(folder, 'b.yaml'), own.replace('[test]', '[other]'));
    writeFileSync(join(folder, 'defaults.yaml'), 'u_outage: { resolve: { state: 7 }, update: [] }\n');
    expect(compileAll(folder).mappings).toHaveLength(2);
  });

  it('may be one whose defaults.yaml uses values and columns that files have', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'a.yaml'), `${base}let: { level: 1 }\nfields: { impact: 2 }\n`);
    writeFileSync(join(folder, 'b.yaml'), base.replace('[test]', '[other]'));
    const parts = 'incident:\n  fields: { urgency: "{% $level %}" }\n  update: [impact, urgency]\n';
    writeFileSync(join(folder, 'defaults.yaml'), parts);
    expect(compileAll(folder).defaults).toMatchObject({ incident: { update: ['impact', 'urgency'] } });
  });

  it('is refused when another file has the same pattern', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'a.yaml'), base.replace('[test]', '[x, y]'));
    writeFileSync(join(folder, 'a.test.yaml'), 'not: a mapping');
    writeFileSync(join(folder, 'defaults.yaml'), 'incident: { fields: { caller_id: x } }');
    expect(compileMappings(folder)).toMatchObject([{ file: 'a.yaml', when: { source: ['x', 'y'] } }]);
    expect(compileAll(folder).defaults).toEqual({ incident: { fields: { caller_id: { literal: 'x' } } } });
    writeFileSync(join(folder, 'b.yaml'), base.replace('[test]', '[y, x]'));
    expect(() => compileAll(folder)).toThrow('b.yaml:1: when: is the same pattern as that of a.yaml');
  });
});
