import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalStack } from '../../cli/local-stack.ts';
import type { Stack } from '../../emulator/stack/stack.ts';
import { operations } from '../../lib/operations/catalog.ts';

let folder: string;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packaged-functions-'));
  stack = await startLocalStack({ dataFolder: folder, maxProcesses: 1 });
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});

// A list of attachments may be asked for without any parameter.
const needing = operations.filter(({ name }) => name !== 'getAttachments').map(({ name }) => ({ key: name }));

async function invoke(key: string, event: unknown) {
  const { arn = '' } = stack.resources.functions.find((one) => one.key === key) ?? {};
  const { payload, functionError } = await stack.host.invoke(arn, event);
  return { functionError, value: JSON.parse(payload.toString()) };
}

async function call(method: 'GET' | 'POST', path: string, body?: unknown) {
  const answer = await request(`${stack.endpoints.api}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, body: JSON.parse(await answer.body.text()) };
}

it('keeps a second stack off its folder, which would take its secret and its messages', async () => {
  await expect(startLocalStack({ dataFolder: folder })).rejects.toThrow('is in use by another run');
  expect((await call('GET', '/api/now/table/incident?sysparm_limit=1')).status).toBe(200);
});

it('the packaged doctor reads everything that it checks, and finds nothing wrong', async () => {
  const { functionError, value } = await invoke('doctor', {});
  expect(functionError).toBeUndefined();
  expect(value.findings.filter(({ state }: { state: string }) => state === 'failed')).toEqual([]);
  const subjects = value.findings.map(({ subject }: { subject: string }) => subject);
  expect(subjects).toEqual(
    expect.arrayContaining([
      ...['secret', 'reach', 'records queue', 'state table'],
      ...['import bucket', 'import bucket’s key', 'importCsv’s version'],
    ]),
  );
  expect(stack.access.refused).toEqual([]);
});

describe('the packaged functions under the Lambda runtime', () => {
  it.each(needing)(
    '$key starts, and refuses an empty direct call by naming what is missing',
    async ({ key }) => {
      const { functionError, value } = await invoke(key, {});
      expect(functionError).toBe('Unhandled');
      expect(value).toMatchObject({
        errorType: 'InvalidInputError',
        errorMessage: expect.stringMatching(/^[\w-]+: required; /),
      });
    },
  );

  it.each(['', '/v1', '/v2'])('create and read a record over HTTP below /api/now%s', async (version) => {
    const made = await call('POST', `/api/now${version}/table/incident`, {
      short_description: `packaged ${version}`,
    });
    expect(made.status).toBe(201);
    const { sys_id: sysId } = made.body.result;
    const read = await call(
      'GET',
      `/api/now${version}/table/incident/${sysId}?sysparm_fields=short_description`,
    );
    expect(read.body).toEqual({ result: { short_description: `packaged ${version}` } });
  });

  it.each(['', '/v1', '/v2'])('serve every family below /api/now%s', async (version) => {
    const list = await call('GET', `/api/now${version}/table/incident?sysparm_limit=1&sysparm_fields=number`);
    expect([list.status, list.body.result]).toEqual([200, [{ number: expect.stringMatching(/^INC/) }]]);
    const stats = await call('GET', `/api/now${version}/stats/incident?sysparm_count=true`);
    expect(Number(stats.body.result.stats.count)).toBeGreaterThan(0);
    const row = await call('POST', `/api/now${version}/import/imp_user`, { first_name: 'Ada' });
    expect(row.status).toBe(201);
  });
});
