import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { functions } from '../../deploy/functions.ts';
import { parseConnectionSecret } from '../../lib/servicenow/secret.ts';
import { until } from '../until.ts';
import { endpoints, held, invoke, s3, sqs } from './running-stack.ts';
import { commandsIn, optionOf, optionsOf, type ShellCommand } from './shell-commands.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const eventBridge = new EventBridgeClient({ ...local, endpoint: endpoints.eventBridge.endpoint });
const Text = z.record(z.string(), z.string());
const Message = z.object({ table: z.string(), match: Text.optional(), record: Text });

/** What the placeholders of the README stand for. */
const values: Readonly<Record<string, string>> = {
  '<RecordsQueueUrl>': endpoints.sqs.recordsQueueUrl,
  '<ImportBucketName>': endpoints.s3.bucket,
  'https://<api-id>.execute-api.us-east-1.amazonaws.com': endpoints.api,
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** How each kind of command is carried out on the local stack, by its first words. */
const runners: Readonly<Record<string, (command: ShellCommand) => Promise<unknown>>> = {
  async curl(command) {
    const headers = new Headers(
      optionsOf(command, '-H')
        .map((line) => line.split(/: (.*)/s, 2))
        .map(pair),
    );
    const body = optionOf(command, '-d');
    const answer = await fetch(command.words.at(-1) ?? '', { method: 'POST', headers, body });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ result: JSON.parse(body) });
  },
  async 'aws lambda invoke'(command) {
    const key = optionOf(command, '--function-name').replace(/^servicenow-functions-dev-/, '');
    const event: object = JSON.parse(optionOf(command, '--payload'));
    const { result } = z
      .object({ result: z.array(z.looseObject({ active: z.string(), priority: z.string() })) })
      .parse((await invoke(key, event)).data);
    expect(result.length).toBeGreaterThan(0);
    expect(result.filter(({ active, priority }) => active !== 'true' || priority !== '1')).toEqual([]);
  },
  async 'aws sqs send-message'(command) {
    const MessageBody = optionOf(command, '--message-body');
    await sqs.send(new SendMessageCommand({ QueueUrl: optionOf(command, '--queue-url'), MessageBody }));
    const { table, match, record } = Message.parse(JSON.parse(MessageBody));
    await untilHeld(table, { ...match, ...record });
  },
  async 'aws events put-events'(command) {
    const Entries = z
      .array(z.object({ Source: z.string(), DetailType: z.string(), Detail: z.string() }))
      .parse(JSON.parse(optionOf(command, '--entries')));
    expect(await eventBridge.send(new PutEventsCommand({ Entries }))).toMatchObject({ FailedEntryCount: 0 });
    for (const { Detail } of Entries)
      await untilHeld('incident', { short_description: JSON.parse(Detail).summary, state: '1' });
  },
  async printf({ words }) {
    const file = words.at(-1) ?? '';
    await run('sh', ['-c', `printf "$1" > "$2"`, 'sh', words[1] ?? '', file], { cwd: folder });
  },
  async 'aws s3 cp'({ words }) {
    const [from = '', to = ''] = words.slice(3);
    const { host: Bucket, pathname } = new URL(to);
    const Key = `${pathname.slice(1)}${pathname.endsWith('/') ? from : ''}`;
    const Body = await readFile(join(folder, from));
    await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    await untilHeld('sys_user', await firstPerson(from));
  },
  async 'npm run import'({ words }) {
    const given = words.slice(4);
    const where = ['--endpoint', endpoints.s3.endpoint];
    const main = join(root, 'cli/main.ts');
    const { stdout } = await run(process.execPath, [main, 'import', ...given, ...where], { cwd: folder });
    expect(stdout).toContain('completed');
  },
  async 'npm run map'({ words }) {
    const main = join(root, 'cli/main.ts');
    const { stdout } = await run(process.execPath, [main, 'map', ...words.slice(4)], { cwd: root });
    expect(stdout).toContain('open');
  },
  async 'aws secretsmanager create-secret'(command) {
    parseConnectionSecret(optionOf(command, '--secret-string'));
  },
  async 'npx serverless invoke'(command) {
    const key = optionOf(command, '-f');
    expect(functions.map((one) => one.key)).toContain(key);
    expect(await invoke(key, {})).toMatchObject({ data: expect.anything() });
  },
  // A deployment needs an account; the others are what tests and CI run anyway.
  'npx serverless deploy': async () => {},
  'npm ci': async () => {},
  'npm test': async () => {},
  'npm run demo': isScript,
  'npm run package': isScript,
};

async function isScript({ words }: ShellCommand): Promise<void> {
  const { scripts } = z
    .object({ scripts: Text })
    .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  expect(scripts).toHaveProperty(words[2] ?? '');
}

function pair([name = '', value = '']: readonly string[]): [string, string] {
  return [name, value];
}

/** The first line of a CSV file as columns of sys_user. */
async function firstPerson(file: string): Promise<Record<string, string>> {
  const [header = '', line = ''] = (await readFile(join(folder, file), 'utf8')).split('\n');
  const fields = line.split(',');
  const columns = header.split(',').map((name) => (name === 'user_id' ? 'user_name' : name));
  return Object.fromEntries(columns.map((name, index) => [name, fields[index] ?? '']));
}

/** Waits until the instance holds exactly one record with these values. */
async function untilHeld(table: string, columns: Readonly<Record<string, string>>): Promise<void> {
  const query = Object.entries(columns)
    .map(([name, value]) => `${name}=${value}`)
    .join('^');
  await until(async () => expect(await held(table, query)).toHaveLength(1));
}

const readme = await readFile(join(root, 'README.md'), 'utf8');

describe('the README', () => {
  const commands = commandsIn(readme);

  it('has no fenced block but commands', () => {
    const fences = Array.from(readme.matchAll(/^ *```(.*)$/gm), ([, kind]) => kind);
    expect(fences).toEqual(fences.map((_, index) => (index % 2 === 0 ? 'sh' : '')));
    expect(commands.length).toBeGreaterThan(10);
  });

  it.each(commands.map((command) => [command.text.slice(0, 100), command] as const))(
    'runs %s',
    async (_, command) => {
      const [, runner] =
        Object.entries(runners).find(([start]) => `${command.text} `.startsWith(`${start} `)) ?? [];
      if (!runner) throw new Error('this kind of command is not run by any test');
      const words = command.words.map((word) =>
        Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), word),
      );
      expect(words.filter((word) => /<[A-Za-z-]+>/.test(word))).toEqual([]);
      await runner({ ...command, words });
    },
  );
});
