import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { compileExpression } from '../../../lib/events/expression.ts';
import { processorTime } from '../../processor-time.ts';

/** Set SEED to repeat a run. */
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const evaluate = (source: string, input: unknown = {}) => compileExpression(source, 'key')(input, {});

describe('an expression', () => {
  it('reads the event and variables', async () => {
    const expression = compileExpression("'Alarm ' & name & ' ' & $level", 'key');
    expect(await expression({ name: 'cpu' }, { level: 2 })).toBe('Alarm cpu 2');
  });

  it('gives nothing for what is missing, and plain lists', async () => {
    expect(await evaluate('detail.missing')).toBeUndefined();
    const list = await evaluate('a.b', { a: [{ b: 1 }, { b: 2 }] });
    expect(Object.getOwnPropertyNames(list)).toEqual(['0', '1', 'length']);
  });

  it.each([
    ['an endless loop', '($f := function($n){ $f($n + 1) }; $f(1))', 'ran for too long'],
    ['deep recursion', '($f := function($n){ 1 + $f($n + 1) }; $f(1))', 'nests too many calls'],
    ['a range of ten million', '$sum([1..10000000])', 'a list that is too long'],
    ['a long text out of nothing', '$pad("x", 1000000000)', 'pads to more than 1000 characters'],
    ['lists that multiply', '$count([1..10000].[1..10000])', 'makes too many elements'],
    ['a text that doubles', '$reduce([1..27], function($a, $n) { $a & $a }, "x")', 'a text that is too long'],
    ['a function as its value', '$sum', 'gives a function'],
    ['a calculation with text', '1 + "x"', 'not a number'],
    [
      'an expression of expressions by another name',
      '($e := "eval"; $lookup({"eval": 1}, $e)(1))',
      'not a function',
    ],
  ])('stops at %s', async (_what, source, reason) => {
    await expect(evaluate(source)).rejects.toThrow(reason);
  });

  const kilo = '$pad("", 1000, "a")';
  const half = `$reduce([1..9], function($a, $n) { $a & $a }, ${kilo})`;
  const tree = '$reduce([1..26], function($a, $n) { {"a": $a, "b": $a} }, 1)';
  it.each([
    ['a text by itself', `($t := ${half}; $replace($t, "a", $t))`, 'a text that is too long'],
    ['each match by a long text', `$replace(${kilo}, /a/, ${half})`, 'a text that is too long'],
    [
      'each match by itself, often',
      `$replace(${kilo}, /a+/, $reduce([1..11], function($a, $n) { $a & $a }, "$0"))`,
      'a text that is too long',
    ],
    [
      'each match by a function',
      `$replace(${kilo}, /a/, function($m) { ${half} })`,
      'a text that is too long',
    ],
    ['a list of long texts', `($t := ${half}; $join([1..20].$t))`, 'a value that is too large'],
    ['a long separator', `$join(["x", "y", "z"], ${half})`, 'a text that is too long'],
    ['one text in many objects', `($t := ${half}; $string([1..20].{"x": $t}))`, 'a value that is too large'],
    ['parts that are shared', tree, 'a value that is too large'],
    ['shared parts as text', `$string(${tree})`, 'a value that is too large'],
    [
      'shared parts that are compared',
      `($a := ${tree}; $b := ${tree}; $a = $b)`,
      'a value that is too large',
    ],
    ['shared parts that are copied', `${tree} ~> |$|{"c": 1}|`, 'a value that is too large'],
    [
      'a deep value, line by line',
      '$string($reduce([1..1000], function($a, $n) { {"a": $a} }, 1), true)',
      'a text that is too long',
    ],
  ])('stops before it has joined or replaced too much: %s', async (_what, source, reason) => {
    const elapsedMs = processorTime();
    await expect(evaluate(source)).rejects.toThrow(`makes ${reason}`);
    expect(elapsedMs()).toBeLessThan(2_500);
  });

  it.each([
    ["['a', 'b'] ~> $join(?, ',')", 'a,b'],
    ["$map(['ab', 'b'], $replace(?, 'a', 'x'))", ['xb', 'b']],
    ["($clean := $replace(?, '_', ' '); $clean('a_b'))", 'a b'],
    ["($wide := $pad(?, 3); $wide('a'))", 'a  '],
  ])('takes a function with a part of what it needs: %s', async (source, result) => {
    expect(await evaluate(source)).toEqual(result);
  });

  it('is not stopped for the time that its process waits for others', async () => {
    const startMs = Date.now();
    let calls = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => {
      calls += 1;
      return startMs + (calls === 1 ? 0 : 5_000);
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    expect(await evaluate('$sum([1..100].($ * 2))')).toBe(10_100);
    expect(calls).toBeGreaterThan(100);
  });

  it(`joins, replaces, pads and writes as JSONata does (SEED=${seed})`, async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '$', '1', 'é', '\n'), maxLength: 12 });
    const value = fc.jsonValue({ maxDepth: 3 }).filter((one) => !JSON.stringify(one).includes('__proto__'));
    const replacement = fc
      .array(fc.constantFrom('$', '$$', '$0', '$1', '$2', '$3', '$12', '1', 'x', '$a'))
      .map((all) => all.join(''));
    const pattern = fc.constantFrom(
      '/a/',
      '/(a)(b)?/',
      '/[ab]+/',
      `/${'(a?)'.repeat(4)}(b)/`,
      '"a"',
      '"."',
      'p',
    );
    const given = fc.record({ t: text, r: replacement, p: text.filter((one) => one !== ''), v: value });
    const source = fc.oneof(
      pattern.map((one) => `$replace(t, ${one}, r)`),
      pattern.map((one) => `$replace(t, ${one}, r, 1)`),
      pattern.map((one) => `t ~> $replace(${one}, "-")`),
      fc
        .constantFrom('/a/', '/(a)(b)/')
        .map((one) => `$replace(t, ${one}, function($m) { $m.match & $m.groups[0] })`),
      fc.constantFrom(
        '$string(v)',
        '$string(v, true)',
        '"x" & v',
        '$string([v])',
        'v.$string()',
        '$string($sum)',
      ),
      fc.constantFrom(
        '$join([t, r, p], r)',
        '$join([t, p])',
        '$join(t)',
        '$join(missing)',
        '$string(missing)',
      ),
      fc.constantFrom('$pad(t, 20, p)', '$pad(t, -20)', '$string(1/3)', '$string([0.1 + 0.2])'),
    );
    await fc.assert(
      fc.asyncProperty(source, given, async (expression, input) => {
        const own = await evaluate(expression, input).catch(() => 'error');
        const its = await jsonata(expression)
          .evaluate(input)
          .catch(() => 'error');
        expect(own).toEqual(Array.isArray(its) ? [...its] : its);
      }),
      { seed, numRuns: 300 },
    );
  });

  it.each([
    ['$eval', '$eval("1")'],
    ['$eval under another name', '($e := $eval; $e("1"))'],
    ['a repeated repetition', '$match(t, /(a+)+$/)'],
    ['a repeated choice', '$match(t, /(a|aa)+$/)'],
    ['a repeated group that repeats deeper inside', '$match(t, /((xa{2,})b)*$/)'],
    ['a repeated part that may be left out', '$match(t, /(a?)+$/)'],
    ['many parts that may be left out', `$match(t, /${'a?'.repeat(20)}${'a'.repeat(20)}/)`],
    ['a back reference', '$match(t, /(a)\\1/)'],
    ['a look-ahead', '$match(t, /a(?=b)/)'],
    ['too many repetitions', '$match(t, /.*a.*b.*c.*d/)'],
    ['a syntax error', 'a.'],
  ])('is refused with %s', (_what, source) => {
    expect(() => compileExpression(source, 'key')).toThrow(/^key: /);
  });

  it.each(['/^arn:aws:(\\w+):/', '/(EC2|RDS)-\\d+/', '/v(\\d+)(\\.\\d+)?$/', '/[a-z*+]+?x/i', '/a{2,3}/'])(
    'may hold the regular expression %s',
    (source) => {
      expect(() => compileExpression(`$match(t, ${source})`, 'key')).not.toThrow();
    },
  );

  it('finds what is distinct among many objects, whatever the order of their members', async () => {
    const many = Array.from({ length: 9_000 }, (_, n) => ({ a: { n: n % 8_000, b: ['x', n % 2] } }));
    expect(await evaluate('$count($distinct(list))', { list: many })).toBe(8_000);
    const few = [{ a: 1, b: 2 }, { b: 2, a: 1 }, 1, '1', [1], [1], null, null];
    expect(await evaluate('$distinct(list)', { list: few })).toEqual([{ a: 1, b: 2 }, 1, '1', [1], null]);
    expect(await evaluate('$distinct(list.a)', { list: [{ a: 'x' }, { a: 'x' }] })).toBe('x');
    expect(await evaluate('$distinct([list.a])', { list: [{ a: 'x' }, { a: 'x' }] })).toEqual(['x']);
  });

  it('tries regular expressions on short texts only', async () => {
    expect(await evaluate('$match(t, /^arn:(.+)$/).groups', { t: 'arn:aws' })).toEqual(['aws']);
    const slow = '$contains(t, /.*.*x/)';
    await expect(evaluate(slow, { t: 'a'.repeat(414) })).rejects.toThrow('more than 413 characters');
    const elapsedMs = processorTime();
    expect(await evaluate(slow, { t: 'a'.repeat(413) })).toBe(false);
    expect(elapsedMs()).toBeLessThan(5_000);
  });

  it('reaches no prototype, and changes none', async () => {
    expect(await evaluate('__proto__.constructor')).toBeUndefined();
    expect(await evaluate('constructor')).toBeUndefined();
    expect(await evaluate('{"__proto__": {"polluted": true}, "a": 1}')).toEqual({ a: 1 });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    const event = JSON.parse('{"__proto__":{"x":1},"a":1}');
    expect(await evaluate('$', event)).toEqual({ a: 1 });
  });
});
