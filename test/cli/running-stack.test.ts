import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { announceStack, listRunningStacks } from '../../cli/running-stack.ts';
import { type SqsFixture, startSqsFixture } from '../emulator/aws/sqs/local-sqs.ts';
import { announcedStack, runCommand, withCache } from './run-command.ts';

/** Two stacks have two addresses. */
let servers: readonly SqsFixture[];
beforeAll(async () => {
  servers = [await startSqsFixture(), await startSqsFixture()];
});
afterAll(async () => {
  for (const server of servers) await server.close();
});

let worlds = 0;
const message = JSON.stringify({ table: 'incident', key: 'a', record: { urgency: '1' } });

/** A stack of a folder, whose queues are there. */
async function stackOf(cache?: string) {
  worlds += 1;
  const server = servers[worlds % 2];
  if (!server) throw new Error('there are two');
  const queue = await server.queue(`records-${worlds}`);
  const dlq = await server.queue(`records-dlq-${worlds}`);
  const depth = async (QueueUrl: string) => {
    const AttributeNames = ['ApproximateNumberOfMessages' as const];
    const ask = new GetQueueAttributesCommand({ QueueUrl, AttributeNames });
    return (await server.client.send(ask)).Attributes?.ApproximateNumberOfMessages;
  };
  const sqs = { endpoint: server.sqs.url, recordsQueueUrl: queue, recordsDlqUrl: dlq };
  return {
    ...announcedStack({ sqs }, '', cache),
    queued: () => depth(queue),
    dead: () => depth(dlq),
    queue,
    dlq,
  };
}

/** Every command that means a local stack when nothing else is named. */
const commands = [
  ['send', message],
  ['dead-letters'],
  ['redrive'],
  ['import', 'people.csv', '--table', 'imp_user'],
  ['import', 'people.csv', '--table', 'imp_user', '--dry-run'],
  ['import', '--follow', 'imports/imp_user/people.csv'],
  ['imports'],
  ['doctor', '--local'],
  ['break'],
  ['break', 'off'],
];

describe('a command that names no stack', () => {
  it.each(commands)('leaves the stack of another folder alone: %s %s %s %s %s', async (...args) => {
    const { env, cwd, queued } = await stackOf();
    const elsewhere = mkdtempSync(join(tmpdir(), 'elsewhere-'));
    onTestFinished(() => rmSync(elsewhere, { recursive: true }));
    writeFileSync(join(elsewhere, 'people.csv'), 'user_id\na\n');
    const { code, out, err } = await runCommand(args, { env, cwd: elsewhere });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^No local stack of .*\n$/);
    expect(err).toContain(
      `No local stack of ${elsewhere} is running; that of ${cwd} is: name it with --stack ${cwd}, or start one with npm start`,
    );
    expect(await queued()).toBe('0');
  });

  it('takes the one of its own folder while another runs', async () => {
    const one = await stackOf();
    const two = await stackOf(one.env.XDG_CACHE_HOME);
    expect((await runCommand(['send', message], two)).code).toBe(0);
    expect([await one.queued(), await two.queued()]).toEqual(['0', '1']);
    const elsewhere = await runCommand(['send', message], { env: one.env, cwd: '/' });
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.err).toMatch(
      /^No local stack of \/ is running; those of \S+, \S+ are: name one with --stack, or /,
    );
    for (const { cwd } of [one, two]) expect(elsewhere.err).toContain(cwd);
    const below = await runCommand(['send', message], { env: one.env, cwd: join(one.cwd, 'cache') });
    expect(below.err).toContain('No local stack of ');
    expect([await one.queued(), await two.queued()]).toEqual(['0', '1']);
  });
});

describe('--stack', () => {
  it('names a stack by its folder, a link to it, or its data folder', async () => {
    const one = await stackOf();
    const two = await stackOf(one.env.XDG_CACHE_HOME);
    const link = join(two.cwd, 'link');
    symlinkSync(one.cwd, link);
    for (const name of [one.cwd, `${one.cwd}/`, link, 'link', join(one.cwd, 'data')])
      expect(await runCommand(['send', message, '--stack', name], two)).toMatchObject({ code: 0, err: '' });
    expect([await one.queued(), await two.queued()]).toEqual(['5', '0']);
  });

  it('takes no other stack than the one it names, and nothing from the environment', async () => {
    const { env, cwd, queued, dead, dlq } = await stackOf();
    const lost = await runCommand(['send', message, '--stack', '/nowhere'], { env, cwd });
    expect([lost.code, lost.err]).toEqual([
      1,
      expect.stringContaining('No local stack of /nowhere is running; that of'),
    ]);
    const named = { ...env, RECORDS_QUEUE_URL: dlq };
    expect((await runCommand(['send', message, '--stack', cwd], { env: named, cwd: '/' })).code).toBe(0);
    expect([await queued(), await dead()]).toEqual(['1', '0']);
  });

  it.each([
    [['send', message, '--queue', 'http://127.0.0.1:9/0/q']],
    [['redrive', '--dlq', 'https://sqs.eu-west-1.amazonaws.com/1/q']],
    [['imports', '--bucket', 'b']],
    [['imports', '--endpoint', 'localhost:1']],
    [['doctor', '--secret', 's']],
  ])('is refused next to another name: %j', async (args) => {
    const { code, err } = await runCommand([...args, '--stack', '/x']);
    expect([code, err]).toEqual([2, expect.stringContaining('--stack ')]);
  });

  it('counts as it was given last, like every option', async () => {
    const { env, cwd, queued } = await stackOf();
    const options = { env, cwd: '/' };
    const send = (...stacks: string[]) =>
      runCommand(['send', message, ...stacks.flatMap((stack) => ['--stack', stack])], options);
    expect((await send('/nowhere', cwd)).code).toBe(0);
    expect((await send(cwd, '/nowhere')).code).toBe(1);
    expect(await queued()).toBe('1');
  });

  it('asks for the data folder where two stacks were started in one', async () => {
    const { env, cwd, queued } = await stackOf();
    const [first] = withCache(env.XDG_CACHE_HOME, listRunningStacks);
    if (!first) throw new Error('it was announced');
    const second = {
      ...first,
      dataFolder: join(cwd, 'second'),
      endpoints: { ...first.endpoints, sqs: { ...first.endpoints.sqs, endpoint: 'http://127.0.0.1:9' } },
    };
    withCache(env.XDG_CACHE_HOME, () => announceStack(second));
    const { code, err } = await runCommand(['send', message], { env, cwd });
    expect(code).toBe(1);
    expect(err).toMatch(
      /^2 local stacks of \S+ are running; name one with --stack and its data folder: \S+, \S+\n$/,
    );
    await runCommand(['send', message, '--stack', 'data'], { env, cwd });
    expect(await queued()).toBe('1');
  });
});

it('knows a queue of a local stack by its address, whatever folder it is of', async () => {
  const { env, queue } = await stackOf();
  const { code, out } = await runCommand(['send', message, '--queue', queue], { env, cwd: '/' });
  expect([code, out]).toEqual([0, expect.stringContaining('1 message sent to the local stack')]);
});

it('forgets a stack that ended, and one on whose port another listens', async () => {
  const { env } = await stackOf();
  const cache = env.XDG_CACHE_HOME;
  const [first] = withCache(cache, listRunningStacks);
  if (!first) throw new Error('it was announced');
  const next = { ...first, project: '/next', dataFolder: '/next/data' };
  const announced = withCache(cache, () => announceStack(next));
  expect(withCache(cache, listRunningStacks)).toEqual([next]);
  announced.withdraw();
  expect(withCache(cache, listRunningStacks)).toEqual([]);
  withCache(cache, () => announceStack({ ...next, pid: 2 ** 30 }));
  expect(withCache(cache, listRunningStacks)).toEqual([]);
});

it('is found by a user without a home, of whom nothing is written into the current folder', async () => {
  const { env, cwd } = await stackOf();
  const [first] = withCache(env.XDG_CACHE_HOME, listRunningStacks);
  if (!first) throw new Error('it was announced');
  const before = { HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'] };
  onTestFinished(() => {
    delete process.env['TMPDIR'];
    for (const [name, value] of Object.entries(before)) if (value !== undefined) process.env[name] = value;
  });
  Object.assign(process.env, { HOME: '', TMPDIR: cwd });
  const announced = withCache('', () => announceStack(first));
  expect(withCache('', listRunningStacks)).toEqual([first]);
  expect(existsSync('.cache/servicenow-functions')).toBe(false);
  const [folder = ''] = readdirSync(cwd).filter((name) => name.startsWith('servicenow-functions-'));
  expect(statSync(join(cwd, folder)).mode & 0o077).toBe(0);
  withCache('', () => announced.withdraw());
});
