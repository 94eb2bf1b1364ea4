import { GetFunctionCommand, InvokeCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LambdaHost } from '../../../../emulator/aws/lambda/host.ts';
import { until } from '../../../until.ts';
import { type Fixture, lambdaClient, packFunctions } from './fixture.ts';

let fixture: Fixture;
let host: LambdaHost;

beforeAll(async () => {
  fixture = await packFunctions({
    echo: {
      source: `
        let calls = 0;
        export const handler = async (event, context) => {
          console.log('seen by the log');
          return { event, calls: ++calls, pid: process.pid, environment: process.env, context: {
            arn: context.invokedFunctionArn, name: context.functionName, left: context.getRemainingTimeInMillis(), client: context.clientContext } };
        };`,
      environment: { GREETING: 'hello' },
    },
    throws: {
      source: `export const handler = async () => { const e = new Error('it is broken'); e.name = 'BrokenError'; throw e; };`,
    },
    hangs: {
      source: `export const handler = () => new Promise(() => setInterval(() => {}, 1000));`,
      timeoutSeconds: 1,
    },
    exits: { source: `export const handler = async ({ code }) => process.exit(code);` },
    startless: { source: `throw new TypeError('no start');` },
    sleeps: {
      source: `export const handler = ({ ms }) => new Promise((resolve) => setTimeout(() => resolve(process.pid), ms));`,
    },
    large: { source: `export const handler = async ({ bytes }) => 'x'.repeat(bytes);` },
  });
  host = await fixture.start();
});
afterAll(() => fixture.dispose());

async function invoke(name: string, payload: unknown = {}, more = {}) {
  const Payload = JSON.stringify(payload);
  const answer = await lambdaClient(host).send(new InvokeCommand({ FunctionName: name, Payload, ...more }));
  const text = Buffer.from(answer.Payload ?? '').toString();
  return { ...answer, value: text === '' ? undefined : JSON.parse(text) };
}

describe('Invoke', () => {
  it('hands over the event, the environment of the template and a real context', async () => {
    const { value, StatusCode, ExecutedVersion } = await invoke('test-echo', { a: 1 });
    expect([StatusCode, ExecutedVersion]).toEqual([200, '$LATEST']);
    expect(value.event).toEqual({ a: 1 });
    expect(value.environment).toMatchObject({
      GREETING: 'hello',
      AWS_REGION: 'eu-central-1',
      AWS_LAMBDA_FUNCTION_NAME: 'test-echo',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_ENDPOINT_URL_LAMBDA: host.lambdaUrl,
    });
    expect(value.environment).not.toHaveProperty('HOME');
    expect(value.context.left).toBeGreaterThan(30_000);
  });

  it.each([
    'test-echo',
    'test-echo:live',
    'function:test-echo',
    '123456789012:function:test-echo',
    'arn:aws:lambda:eu-central-1:123456789012:function:test-echo:live',
  ])('finds the function by %s', async (name) => {
    const { value } = await invoke(name);
    const qualifier = name.endsWith(':live') ? ':live' : '';
    expect(value.context.arn).toBe(`arn:aws:lambda:eu-central-1:123456789012:function:test-echo${qualifier}`);
  });

  it('hands on the client context', async () => {
    const ClientContext = Buffer.from('{"custom":{"a":"b"}}').toString('base64');
    expect((await invoke('test-echo', {}, { ClientContext })).value.context.client).toEqual({
      custom: { a: 'b' },
    });
  });

  it('answers what a function throws with FunctionError, type and message', async () => {
    const { FunctionError, value } = await invoke('test-throws');
    expect(FunctionError).toBe('Unhandled');
    expect(value).toMatchObject({ errorType: 'BrokenError', errorMessage: 'it is broken' });
  });

  it('runs nothing for a dry run', async () => {
    expect((await invoke('test-throws', {}, { InvocationType: 'DryRun' })).StatusCode).toBe(204);
  });

  it('answers 202 to an event and runs it in the background', async () => {
    fixture.logs.length = 0;
    const { StatusCode, value } = await invoke('test-echo', { a: 2 }, { InvocationType: 'Event' });
    expect([StatusCode, value]).toEqual([202, undefined]);
    await until(() => expect(fixture.logs.join()).toContain('seen by the log'));
  });

  it('refuses an unknown function, a call it does not serve, broken JSON and an event that is too large', async () => {
    for (const name of ['test-nothing', 'test-echo:unknown'])
      await expect(invoke(name)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(
      lambdaClient(host).send(new GetFunctionCommand({ FunctionName: 'test-echo' })),
    ).rejects.toMatchObject({ name: 'UnknownOperationException' });
    await expect(
      lambdaClient(host).send(new InvokeCommand({ FunctionName: 'test-echo', Payload: '{' })),
    ).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
    await expect(invoke('test-echo', 'x'.repeat(6_291_557))).rejects.toMatchObject({
      name: 'RequestTooLargeException',
    });
  });

  it('answers an answer above 6 MB with Function.ResponseSizeTooLarge', async () => {
    expect((await invoke('test-large', { bytes: 6_000_000 })).value).toHaveLength(6_000_000);
    const { FunctionError, value } = await invoke('test-large', { bytes: 6_291_556 });
    expect([FunctionError, value.errorType]).toEqual(['Unhandled', 'Function.ResponseSizeTooLarge']);
  });
});

describe('an execution environment', () => {
  it('is used again, and keeps what is in its memory', async () => {
    const first = await invoke('test-echo');
    const second = await invoke('test-echo');
    expect(second.value.pid).toBe(first.value.pid);
    expect(second.value.calls).toBe(first.value.calls + 1);
  });

  it('runs one invocation at a time: others get one of their own, up to the limit', async () => {
    const pids = await Promise.all(Array.from({ length: 6 }, () => host.invoke('test-sleeps', { ms: 300 })));
    expect(new Set(pids.map(({ payload }) => payload.toString())).size).toBe(4);
  });

  it('is killed when time runs out, and the next invocation gets a fresh one', async () => {
    const { FunctionError, value } = await invoke('test-hangs');
    expect(FunctionError).toBe('Unhandled');
    expect(value.errorType).toBe('Sandbox.Timedout');
    expect(value.errorMessage).toMatch(/^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/);
    expect(await host.pids('test-hangs')).toEqual([]);
  });

  it.each([
    [1, 'Runtime exited with error: exit status 1'],
    [0, 'Runtime exited without providing a reason'],
  ])('that exits with %i ends its invocation with an error', async (code, reason) => {
    const { FunctionError, value } = await invoke('test-exits', { code });
    expect([FunctionError, value.errorType]).toEqual(['Unhandled', 'Runtime.ExitError']);
    expect(value.errorMessage).toContain(reason);
  });

  it('killed while it was idle leaves nothing open behind', async () => {
    const other = await fixture.start();
    const listening = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;
    const { payload } = await other.invoke('test-sleeps', { ms: 0 });
    const before = listening();
    process.kill(Number(payload.toString()), 'SIGKILL');
    await until(async () => expect(await other.pids('test-sleeps')).toEqual([]));
    expect((await other.invoke('test-sleeps', { ms: 0 })).functionError).toBeUndefined();
    await until(() => expect(listening()).toBe(before));
    await other.close();
  });

  it('killed from outside ends its invocation with an error, and the next one works', async () => {
    const running = host.invoke('test-sleeps', { ms: 5000 });
    await until(async () => expect(await host.pids('test-sleeps')).not.toEqual([]));
    for (const pid of await host.pids('test-sleeps')) process.kill(pid, 'SIGKILL');
    expect(JSON.parse((await running).payload.toString())).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringContaining('signal: killed'),
    });
    await until(async () => expect(await host.pids('test-sleeps')).toEqual([]));
    expect((await host.invoke('test-sleeps', { ms: 1 })).functionError).toBeUndefined();
  });

  it('that cannot start says why', async () => {
    const { FunctionError, value } = await invoke('test-startless');
    expect(FunctionError).toBe('Unhandled');
    expect(value).toMatchObject({ errorType: 'TypeError', errorMessage: 'no start' });
  });
});

describe('close', () => {
  it('leaves no process behind', async () => {
    const other = await fixture.start({ dataFolder: `${fixture.folder}/other` });
    await other.invoke('test-echo', {});
    const [pid = 0] = await other.pids('test-echo');
    await other.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
