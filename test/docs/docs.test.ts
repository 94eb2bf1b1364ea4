import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { program } from '../../cli/program.ts';
import { startCommand } from '../../cli/start.ts';
import { functions } from '../../deploy/functions.ts';
import { parseSettings } from '../../lib/file-import/plan/settings.ts';
import { operations } from '../../lib/operations/catalog.ts';
import { readSignal } from '../../lib/operations/signal.ts';
import { recordMessage } from '../../lib/record-queue/message.ts';
import { parseConnectionSecret } from '../../lib/servicenow/secret.ts';
import { commandsIn, optionOf } from '../e2e/shell-commands.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const codeSpans = (text: string) => Array.from(text.matchAll(/`([^`\n]+)`/g), ([, span = '']) => span);

describe("the README's table of functions", () => {
  const section =
    read('README.md')
      .split('\n## ')
      .find((text) => text.startsWith('Operations')) ?? '';
  const rows = Array.from(section.matchAll(/^\| `(\w+)` \| (.+?) \|/gm), ([, name = '', trigger = '']) => ({
    name,
    trigger,
  }));

  it('lists every function that is deployed, and no other', () => {
    expect(rows.map(({ name }) => name).toSorted()).toEqual(functions.map(({ key }) => key).toSorted());
  });

  it('gives every operation its routes', () => {
    const listed = new Map(rows.map(({ name, trigger }) => [name, codeSpans(trigger)]));
    for (const { name, routes } of operations.filter(
      (operation) => operation.name !== 'postMethodOverride',
    )) {
      const deployed = routes.map(
        ({ method, path, isOwn, namespace = 'now' }) =>
          `${method} ${isOwn ? '' : `/api/${namespace}`}${path}`,
      );
      expect(listed.get(name), name).toEqual(deployed);
    }
  });

  it('gives postMethodOverride the paths that have no POST of their own', () => {
    const others = operations
      .filter(({ name }) => name !== 'postMethodOverride')
      .flatMap(({ routes }) => routes)
      .filter(({ namespace }) => namespace === undefined);
    const withPost = new Set(others.filter(({ method }) => method === 'POST').map(({ path }) => path));
    const override = operations.find(({ name }) => name === 'postMethodOverride');
    const expected = new Set(others.map(({ path }) => path).filter((path) => !withPost.has(path)));
    expect(new Set(override?.routes.map(({ path }) => path))).toEqual(expected);
  });
});

describe('docs/configuration.md', () => {
  const documented = new Set(codeSpans(read('docs/configuration.md')));

  it('lists every param of serverless.yml', () => {
    const params = read('serverless.yml').match(/^params:\n {2}default:\n((?: {4}.*\n)+)/m)?.[1] ?? '';
    const names = Array.from(params.matchAll(/^ {4}(\w+):/gm), ([, name = '']) => name);
    expect(names).toContain('secretId');
    expect(names.filter((name) => !documented.has(name))).toEqual([]);
  });

  it('lists every option of npm start', () => {
    const options = startCommand.options.map(({ long }) => long ?? '');
    const listed = new Set(Array.from(documented, (span) => span.split(' ')[0]));
    expect(options.filter((option) => !listed.has(option))).toEqual([]);
  });
});

describe('docs/cli.md', () => {
  it('lists every command', () => {
    const documented = new Set(codeSpans(read('docs/cli.md')));
    const names = program.commands.map((command) => command.name());
    expect(names.filter((name) => !documented.has(name))).toEqual([]);
  });
});

describe('docs/imports.md', () => {
  it('lists every setting of _import.json', () => {
    const documented = new Set(codeSpans(read('docs/imports.md')));
    const message = refusalOf(() => parseSettings('{ "unknownSetting": 1 }'));
    const names = (message.split('there are: ')[1] ?? '').split(', ');
    expect(names).toContain('keyColumn');
    expect(names.filter((name) => !documented.has(name))).toEqual([]);
  });
});

describe('the examples', () => {
  const blocks = (file: string, kind: string) =>
    Array.from(
      read(file).matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, 'gms')),
      ([, block = '']) => block,
    );

  it.each<[string, (json: string) => unknown]>([
    ['docs/record-queue.md', (json) => recordMessage().parse(JSON.parse(json))],
    ['docs/credentials.md', parseConnectionSecret],
    ['docs/imports.md', parseSettings],
  ])('of JSON in %s are accepted by what reads them', (file, parse) => {
    const examples = blocks(file, 'json');
    expect(examples.length).toBeGreaterThan(0);
    for (const json of examples) expect(() => parse(json), json).not.toThrow();
  });

  it('of signals in docs/events.md are accepted by what reads them', () => {
    const calls = commandsIn(read('docs/events.md')).filter(({ words }) => words[0] === 'curl');
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(() => readSignal(JSON.parse(optionOf(call, '-d')))).not.toThrow();
  });

  it('of docs/imports.md are the files of examples/people-csv', () => {
    const [settings = ''] = blocks('docs/imports.md', 'json');
    const [file = ''] = blocks('docs/imports.md', 'csv');
    expect(JSON.parse(settings)).toEqual(JSON.parse(read('examples/people-csv/_import.json')));
    expect(file.split('\n').length).toBeGreaterThan(2);
    expect(read('examples/people-csv/people.csv').startsWith(file)).toBe(true);
  });
});

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return z.instanceof(Error).parse(error).message;
  }
  throw new Error('nothing was refused');
}

describe('names of log lines', () => {
  const filesIn = (folder: string, ending: string) =>
    readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => `${folder}/${name}`);
  const code = filesIn('lib', '.ts').map(read).join('\n');
  const alarms = read('deploy/resources/alarms.yml');

  it.each(filesIn('docs', '.md').filter((file) => !/docs\/(adr|servicenow-contract)/.test(file)))(
    'in %s are those that lib/ writes',
    (file) => {
      const lines = read(file)
        .split('\n')
        .filter((line) => /\blogs?\b|\blines?\b|\*\*Look/.test(line));
      const names = lines
        .flatMap(codeSpans)
        .filter((span) => /^(?!servicenow-)[a-z]+(-[a-z]+)+$/.test(span) || span === 'servicenow-call');
      const unknown = names.filter((name) => !code.includes(`'${name}'`) && !alarms.includes(`}-${name}\n`));
      expect(unknown).toEqual([]);
    },
  );
});

describe('docs/deploy.md', () => {
  const [, policy = ''] = /```json\n(\[[\s\S]*?\n\])\n```/.exec(read('docs/deploy.md')) ?? [];
  const statements = z
    .array(
      z.object({
        Principal: z.object({ Service: z.union([z.string(), z.array(z.string())]) }),
        Condition: z.unknown().optional(),
      }),
    )
    .parse(JSON.parse(policy));

  it('prints statements of a key policy that can be copied, EventBridge under no condition', () => {
    const of = (service: string) =>
      statements.filter(({ Principal }) => [Principal.Service].flat().includes(service));
    expect(of('events.amazonaws.com').map(({ Condition }) => Condition)).toEqual([undefined]);
    for (const service of ['s3', 'sns', 'cloudwatch', 'logs.us-east-1'])
      expect(of(`${service}.amazonaws.com`)).toHaveLength(1);
  });
});
