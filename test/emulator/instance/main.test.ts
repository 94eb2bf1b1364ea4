import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { listenWith } from '../../../emulator/aws/loopback-server.ts';

const main = join(import.meta.dirname, '../../../emulator/instance/instance.js');

const start = (...options: string[]) =>
  spawn(process.execPath, [main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });

async function finish(child: ReturnType<typeof start>) {
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { out, error, code };
}

async function untilReady(child: ReturnType<typeof start>): Promise<string> {
  let out = '';
  for await (const chunk of child.stdout) {
    out += String(chunk);
    if (out.includes('Ctrl-C')) break;
  }
  return out;
}

describe('npm run instance', () => {
  it('prints where it is and who may call, serves, and ends on SIGINT with code 0', async () => {
    const child = start(
      '--port',
      '0',
      '--switch',
      'countDespiteNoCount=true',
      '--switch',
      'maxUrlBytes=9000',
    );
    const out = await untilReady(child);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(out)?.[0];
    const credentials = /user\s+(\S+) \/ (\S+)/.exec(out);
    const answer = await fetch(`${url}/api/now/table/incident?sysparm_limit=1&sysparm_no_count=true`, {
      headers: { authorization: `Basic ${btoa(`${credentials?.[1]}:${credentials?.[2]}`)}` },
    });
    expect([answer.status, answer.headers.get('x-total-count')]).toEqual([200, '60']);
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });

  it('explains its options with --help', async () => {
    const { out, code } = await finish(start('--help'));
    expect([code, out]).toEqual([0, expect.stringContaining('--schema <file>')]);
  });

  it.each([
    [['--port', 'eighty'], /--port must be a whole number from 0 to 65535, not eighty/],
    [['--prot', '1'], /Unknown option --prot\. Did you mean --port\?/],
    [['--prt', '1'], /Unknown option --prt\. Did you mean --port\?/],
    [['--tls-cert', 'no.pem', '--tls-key', 'no.key'], /^instance: no\.pem: no such file\n/],
    [['--switch', 'shuffle=true'], /unknown switch shuffle; the switches are .*shuffleTies/],
    [['--switch', 'shuffleTies=often'], /switch shuffleTies takes a value such as false, not often/],
    [['--tls-cert', 'a.pem'], /--tls-cert and --tls-key go together/],
  ])('refuses %j in one line', async (options, message) => {
    const { error, code } = await finish(start(...options));
    expect([code, error]).toEqual([2, expect.stringMatching(message)]);
    expect(error).not.toContain('    at ');
  });

  it('names the option of a port that is taken, and a file that is not there', async () => {
    const taken = await listenWith(createServer(), 0, 'Other');
    const [port, file] = await Promise.all([
      finish(start('--port', `${taken.port}`)),
      finish(start('--port', '0', '--data', 'nowhere.json')),
    ]);
    await taken.close();
    expect([port.code, port.error]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^instance: --port: ${taken.port} is in use; name another one`)),
    ]);
    expect([file.code, file.error]).toEqual([
      1,
      expect.stringMatching(/^instance: nowhere\.json: no such file\n/),
    ]);
  });
});
