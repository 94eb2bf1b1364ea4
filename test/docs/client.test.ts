import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../emulator/instance/index.ts';
import * as client from '../../lib/servicenow/index.ts';

const text = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');
const example = /```js\n(.*?)```/s.exec(text)?.[1] ?? '';

it('has an example that runs as it is written, twice, and creates one record', async () => {
  const instance = await startInstance({ demoData: false });
  onTestFinished(() => instance.close());
  const { url: instanceUrl, username, password } = instance;
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const [imported = ''] = /import \{.*?\}/s.exec(example) ?? [];
  const names = imported
    .replace(/import \{|\}/g, '')
    .split(',')
    .map((name) => name.trim());
  const body = example.replace(/^import .*?;\n/s, '').replace('process.env.SERVICENOW_SECRET', 'secret');
  // Only the emulator is at an address that a deployment would refuse.
  const createClient: typeof client.createClient = (options) =>
    client.createClient({ ...options, allowedHosts: ['127.0.0.1'] });
  const known: Readonly<Record<string, unknown>> = { ...client, createClient };
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  const run = new AsyncFunction('secret', 'console', ...names, body);
  const said: unknown[][] = [];
  for (const _ of [1, 2])
    await run(
      secret,
      { log: (...words: unknown[]) => said.push(words) },
      ...names.map((name) => known[name]),
    ).catch((error: unknown) => {
      if (!(error instanceof client.InsertRefusedError)) throw error;
    });
  expect(said.slice(0, 2)).toEqual([[expect.stringMatching(/^INC/)], ['RECORD_NOT_FOUND', 404, 'none']]);
  expect(instance.control.snapshot('incident')).toHaveLength(1);
});

it('names functions that there are', () => {
  const table = text.slice(text.indexOf('| | |'));
  const names = Array.from(table.matchAll(/`(\w+)`/g), ([, name = '']) => name);
  const facts = ['ServiceNowError', 'code', 'status', 'effect', 'retryable', 'advice', 'transactionId'];
  expect(names.filter((name) => !facts.includes(name) && !(name in client))).toEqual([]);
});
