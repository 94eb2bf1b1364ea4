import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

type Run = { readonly code: number | null; readonly out: string; readonly err: string };

function run(args: readonly string[], cwd = process.cwd()): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}
const command = (...args: string[]) => run(['cli/main.js', ...args]);

/** Makes Node say that it is version 20. */
const asNode20 = `--import=data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.19.0'})`;

describe('servicenow-functions', () => {
  it('shows its commands and exits with 2 when none is named', () => {
    const { code, err } = command();
    expect(code).toBe(2);
    for (const name of ['start', 'demo', 'import', 'redrive', 'doctor', 'invoke'])
      expect(err).toContain(`  ${name} `);
  });

  it('asks whether a similar command was meant', () => {
    const { code, err } = command('strat');
    expect([code, err.split('\n')[0]]).toEqual([2, 'strat is not a command; did you mean start?']);
    expect(command('constructor').err).toContain('constructor is not a command\n');
  });

  it.each(['start', 'demo', 'import', 'redrive', 'doctor', 'invoke', 'package', 'check-template'])(
    'explains %s and runs nothing with --help',
    (name) => {
      const { code, out, err } = command(name, '--help');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/npm (run|start)/);
    },
  );

  it.each([
    ['start', '--prot', '1'],
    ['demo', '--chaos-monkey'],
    ['invoke', 'noSuchFunction', 'event.json'],
    ['package', 'now'],
  ])('refuses %s %s with its usage and exits with 2', (...args) => {
    const { code, err } = command(...args);
    expect(code).toBe(2);
    expect(err).toMatch(/npm (run|start)/);
    expect(err).not.toMatch(/^ +at /m);
  });
});

describe('an old version of Node', () => {
  it('hands over to the one that npm ci installed', () => {
    const { out, err } = run([asNode20, 'cli/main.js', '--version']);
    expect(out || err).toMatch(/^(\d+\.\d+\.\d+|Node 24 is needed.*)\n$/);
    expect(run([asNode20, 'cli/node.js', '--version']).out || 'none').toMatch(/^(v\d+|none)/);
  });

  it('says in one line what is needed where none is installed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'old-node-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    cpSync('cli', join(folder, 'cli'), { recursive: true });
    for (const file of ['cli/main.js', 'cli/node.js']) {
      const { code, out, err } = run([asNode20, file, 'start'], folder);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(/^Node 24 is required, this is v[\d.]+: run npm ci.*\n$/);
    }
  });
});
