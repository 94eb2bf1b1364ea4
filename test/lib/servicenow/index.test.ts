import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import * as api from '../../../lib/servicenow/index.ts';

/** The code of the example in the docstring of `index.ts`. */
function exampleCode(): string {
  const source = readFileSync(new URL('../../../lib/servicenow/index.ts', import.meta.url), 'utf8');
  const example = /@example\n([\s\S]*?)\n \*\//.exec(source)?.[1] ?? '';
  return example.replaceAll(/^ \* ?/gm, '');
}

it('works as its example says, against an instance, with nothing but the public API', async () => {
  const instance = await startInstance();
  onTestFinished(() => instance.close());
  const auth = { type: 'basic', username: instance.username, password: instance.password };
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  onTestFinished(() => log.mockRestore());
  const scope = { ...api, instanceUrl: instance.url, auth };
  const run = new Function(
    ...Object.keys(scope),
    `return (async () => {${exampleCode()}\nreturn { records, groups, results }; })()`,
  );
  const { records, groups, results } = await run(...Object.values(scope));
  expect(records.length).toBeGreaterThan(0);
  expect(groups.length).toBeGreaterThan(1);
  expect(results).toMatchObject([
    { kind: 'answered', response: { status: 200 } },
    { kind: 'failed', error: { code: 'RECORD_NOT_FOUND' } },
  ]);
  expect(log).toHaveBeenCalledWith('RECORD_NOT_FOUND', 404, 'none');
  expect(instance.state.store.find('incident', 'c0ffee00c0ffee00c0ffee00c0ffee00')).toBeUndefined();
});

it('gives a call without a context two minutes and a correlation id of its own', async () => {
  const lines: Record<string, unknown>[] = [];
  const info = (_event: string, fields = {}) => void lines.push(fields);
  const instance = await startInstance();
  onTestFinished(() => instance.close());
  const client = api.createClient({
    readSecret: () =>
      JSON.stringify({
        instanceUrl: instance.url,
        auth: { type: 'basic', username: instance.username, password: instance.password },
      }),
    allowedHosts: ['127.0.0.1'],
    log: { info, debug: info, warn: info, error: info },
  });
  onTestFinished(() => client.close());
  await api.listRecords(client, { table: 'incident', limit: 1 });
  await api.listRecords(client, { table: 'incident', limit: 1 }, { correlationId: 'mine' });
  expect(lines.map(({ correlationId }) => correlationId)).toEqual([
    expect.stringMatching(/^[0-9a-f-]{36}$/),
    'mine',
  ]);
  const late = { deadline: api.deadlineAt(Date.now() - 1, api.systemClock) };
  await expect(api.listRecords(client, { table: 'incident' }, late)).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  });
});

it.each([
  ['at once', () => undefined],
  ['later', async () => undefined],
])('refuses calls where no secret is given (%s)', async (_when, readSecret) => {
  const client = api.createClient({ readSecret });
  onTestFinished(() => client.close());
  await expect(api.listRecords(client, { table: 'incident' })).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    setting: 'readSecret',
  });
});
