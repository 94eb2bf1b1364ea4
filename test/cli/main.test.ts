import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from './run-command.ts';

type Run = { readonly code: number | null; readonly out: string; readonly err: string };

function run(args: readonly string[], cwd = process.cwd()): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}
/** Every command; `instance` shows the options of the emulator, which is a package of its own. */
const commands = [
  'start',
  'demo',
  'send',
  'import',
  'imports',
  'status',
  'dead-letters',
  'break',
  'redrive',
  'doctor',
  'invoke',
  'package',
  'check-template',
  'release',
];
const command = (...args: string[]) => run(['cli/main.js', ...args]);

/** Makes Node say that it is version 20. */
const asNode20 = `--import=data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.19.0'})`;

describe('servicenow-functions', () => {
  it('shows its commands and exits with 2 when none is named', () => {
    const { code, err } = command();
    expect(code).toBe(2);
    for (const name of commands) expect(err).toContain(`  ${name} `);
  });

  it('asks whether a similar command was meant', () => {
    const { code, err } = command('strat');
    expect(code).toBe(2);
    expect(err).toMatch(/^unknown command 'strat'\n\(Did you mean start\?\)\n/);
    expect(command('constructor').err).toMatch(/^unknown command 'constructor'\n/);
  });

  it('knows no help for what is no command', () => {
    const { code, out, err } = command('help', 'strat');
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^unknown command 'strat'\n\(Did you mean start\?\)\n/);
    expect(command('help', 'send').out).toMatch(/^Usage: servicenow-functions send /);
  });

  it('names the program in the usage of what completes its command line', () => {
    const { code, err } = command('complete', 'nope');
    expect([code, err]).toEqual([2, expect.stringContaining('Usage: servicenow-functions complete ')]);
    expect(command('complete', '--help').out).toMatch(/^Usage: servicenow-functions complete /);
    expect(command('complete', 'bash').out).toContain('servicenow-functions');
    expect(command('complete', '--', 'sen').out).toContain('send');
  });

  it('asks whether a similar option of the instance was meant', () => {
    const { code, err } = command('instance', '--prot', '1');
    expect(code).toBe(2);
    expect(err).toContain('Unknown option --prot. Did you mean --port?');
  });

  it('names TMPDIR where no folder can be made in it', () => {
    const env = { ...process.env, TMPDIR: join(process.cwd(), 'package.json') };
    const args = ['cli/main.js', 'start', '--json'];
    const options = { encoding: 'utf8', env, timeout: 60_000, killSignal: 'SIGTERM' } as const;
    const { status, stderr } = spawnSync(process.execPath, args, options);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^TMPDIR: no folder .*package\.json .*\n$/)]);
  });

  it.runIf(existsSync('/dev/full'))('says in one line that its output cannot be written', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, ['cli/main.js', '--version'], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect([status, stderr]).toEqual([1, 'standard output: There is no space left on the disk\n']);
  });

  it('names the file of a secret that is none', async () => {
    const args = ['start', '--secret', 'package.json', '--port', '0'];
    const { code, err } = await runCommand(args);
    expect([code, err]).toEqual([1, expect.stringMatching(/^package\.json: secret\..*\n$/)]);
  });

  it('asks whether a similar function was meant', async () => {
    const { code, err } = await runCommand(['invoke', 'getRecord', '{}']);
    expect([code, err]).toEqual([2, expect.stringContaining('(Did you mean getRecords?)')]);
  });

  it.each([
    ['{', 'event'],
    ['-', 'standard input'],
  ])('says of %s that it is no JSON', async (event, name) => {
    const { code, out, err } = await runCommand(['invoke', 'getRecords', event], { input: '{' });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(new RegExp(`^${name}: is not JSON .*\n$`));
  });

  it('takes a region that is set and empty as none', async () => {
    const env = { AWS_REGION: '', AWS_DEFAULT_REGION: '' };
    const [listed, examined] = await Promise.all([
      runCommand(['dead-letters', '--dlq', 'letters'], { env }),
      runCommand(['doctor', '--secret', 'foo/bar'], { env }),
    ]);
    expect(listed.err).toMatch(/^No AWS region is set\. Set AWS_REGION/);
    expect(examined.out).toContain('Secrets Manager could not be reached (Region is missing)');
  });

  it('leaves nothing behind when it does not start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'not-started-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const args = ['start', '--secret', 'nowhere.json', '--data-dir', 'data', '--port', '0'];
    const { code, err } = await runCommand(args, { cwd: folder });
    expect([code, err, readdirSync(folder)]).toEqual([1, 'nowhere.json: no such file\n', []]);
  });

  it('takes its temporary folder with it, however it ends', () => {
    const file = join(process.cwd(), 'cli/temporary-folder.ts');
    const code = `import { temporaryFolder } from ${JSON.stringify(file)};
      console.log(temporaryFolder().path);
      process.exit(141);`;
    const { code: status, out } = run(['--input-type=module', '-e', code]);
    expect([status, out.trim() !== '' && existsSync(out.trim())]).toEqual([141, false]);
  });

  it.each(commands)('explains %s with an example and runs nothing with --help', (name) => {
    const { code, out, err } = command(name, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Example:\n {2}npm (run|start)/m);
  });

  it('runs nothing because of --help, wherever it stands', () => {
    const { code, out } = command('package', '--help', 'now');
    expect([code, out]).toEqual([0, expect.stringContaining('Example:')]);
  });

  it.each([
    ['start', '--prot', '1'],
    ['demo', '--chaos-monkey'],
    ['demo', '--messages', '5'],
    ['demo', '--seed', '5'],
    ['demo', '--chaos', '--messages', 'abc'],
    ['demo', '--chaos', '--messages', '0'],
    ['demo', '--chaos', '--seed', '-1'],
    ['invoke', 'noSuchFunction', 'event.json'],
    ['package', 'now'],
    ['start', '--port', 'http'],
    ['start', '--s3-port', '70000'],
    ['start', '--port', ''],
    ['start', '--data-dir', ' '],
    ['start', '--data-dir', ''],
    ['start', '--tables', 'a;b'],
    ['doctor', '--local', '--tables', 'a b'],
    ['doctor', '--local', '--tables', ','],
    // No code must not mean every code.
    ['redrive', '--code', ','],
    ['redrive', '--code', ''],
  ])('refuses %s %s with its usage and exits with 2', (...args) => {
    const { code, err } = command(...args);
    expect(code).toBe(2);
    expect(err).toMatch(/npm (run|start)/);
    expect(err).not.toMatch(/^ +at /m);
  });
});

describe('an old version of Node', () => {
  it('hands over to the one that npm ci installed', () => {
    expect(run([asNode20, 'cli/main.js', '--version']).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(run([asNode20, 'cli/node.js', '--version']).out).toMatch(/^v24\./);
  });

  it.each([
    ['SIGTERM', 143],
    // A terminal that closes sends it to both.
    ['SIGHUP', 129],
  ] as const)('runs on after %s no longer than the command, which gets it once', async (signal, code) => {
    const script = `let times = 0;
      process.on('${signal}', () => { times += 1; setTimeout(() => process.exit(times === 1 ? ${code} : 9), 50); });
      console.log(process.pid);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, [asNode20, 'cli/node.js', '-e', script], { detached: true });
    const [pid] = await once(child.stdout, 'data');
    process.kill(signal === 'SIGHUP' ? -Number(child.pid) : Number(child.pid), signal);
    expect(await once(child, 'exit')).toEqual([code, null]);
    expect(() => process.kill(Number(String(pid)), 0)).toThrow('ESRCH');
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

it('says in one line that packages are not installed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'no-packages-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of ['cli', 'lib', 'deploy', 'functions', 'emulator'])
    cpSync(name, join(folder, name), {
      recursive: true,
      filter: (path) => !/node_modules|dist$/.test(path),
    });
  for (const args of [
    ['cli/main.js', 'status'],
    ['cli/node.js', 'node_modules/vitest/vitest.mjs', 'run'],
  ]) {
    const { code, out, err } = run(args, folder);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe('Packages that the project needs are not installed: run npm ci in its folder.\n');
  }
});
