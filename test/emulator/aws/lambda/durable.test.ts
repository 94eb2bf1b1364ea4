import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  GetDurableExecutionCommand,
  InvokeCommand,
  ListDurableExecutionsByFunctionCommand,
  SendDurableExecutionCallbackFailureCommand,
  SendDurableExecutionCallbackHeartbeatCommand,
  SendDurableExecutionCallbackSuccessCommand,
  StopDurableExecutionCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExecutionStore } from '../../../../emulator/aws/lambda/durable/execution-store.ts';
import type { LambdaHost } from '../../../../emulator/aws/lambda/host.ts';
import { until } from '../../../until.ts';
import { type Fixture, lambdaClient, packFunctions } from './fixture.ts';

const sdk = `
  import { withDurableExecution } from '@aws/durable-execution-sdk-js';
  import { appendFileSync, readFileSync } from 'node:fs';
  const note = (file, text) => appendFileSync(file, text + '\\n');
  const notes = (file) => { try { return readFileSync(file, 'utf8').split('\\n').length - 1; } catch { return 0; } };
`;

let fixture: Fixture;
let host: LambdaHost;

beforeAll(async () => {
  fixture = await packFunctions({
    steps: {
      durable: true,
      source: `${sdk}
        export const handler = withDurableExecution(async ({ file, count = 3, killAt, waitSeconds, failAt }, context) => {
          const sum = [];
          for (let i = 0; i < count; i += 1) {
            sum.push(await context.step('step-' + i, async () => {
              note(file, 'step-' + i);
              if (i === killAt && notes(file) === i + 1) { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}); }
              if (i === failAt && notes(file) === i + 1) throw new Error('not yet');
              return i;
            }, { retryStrategy: (_, attempt) => ({ shouldRetry: attempt < 3, delay: { seconds: 1 } }) }));
            if (waitSeconds && i === 0) await context.wait('pause', { seconds: waitSeconds });
          }
          return { sum, file };
        });`,
    },
    fails: {
      durable: true,
      source: `${sdk} export const handler = withDurableExecution(async () => { throw new TypeError('cannot be done'); });`,
    },
    dies: { durable: true, source: `export const handler = () => process.exit(3);` },
    plain: { durable: true, source: `export const handler = async () => ({ not: 'durable' });` },
    parent: {
      durable: true,
      source: `${sdk} export const handler = withDurableExecution(async (event, context) => ({
        plain: await context.invoke('call', 'test-add', { a: 1, b: 2 }),
        durable: await context.invoke('chain', 'test-steps:durable', event),
      }));`,
    },
    add: { source: `export const handler = async ({ a, b }) => a + b;` },
    asks: {
      durable: true,
      source: `${sdk} export const handler = withDurableExecution(async ({ file }, context) =>
        context.waitForCallback('approval', async (callbackId) => note(file, callbackId)));`,
    },
    asksOnce: {
      durable: true,
      source: `${sdk} export const handler = withDurableExecution(async ({ file, ...config }, context) =>
        context.waitForCallback('approval', async (callbackId) => note(file, callbackId), config)
          .catch((error) => ({ name: error.name, message: error.message })));`,
    },
    longest: {
      durable: true,
      executionTimeoutSeconds: 901,
      source: `${sdk} export const handler = withDurableExecution(async () => 'done');`,
    },
  });
  host = await fixture.start();
});
afterAll(() => fixture.dispose());

const file = (name: string) => join(fixture.folder, name);
/** The lines that a function has noted; the last one may still be written. @throws Error while there is none */
async function linesOf(name: string): Promise<string[]> {
  const lines = (await readFile(file(name), 'utf8')).split('\n').slice(0, -1);
  if (lines.length === 0) throw new Error(`${name} has no line`);
  return lines;
}

async function invoke(name: string, payload: unknown, more = {}, on: Pick<LambdaHost, 'lambdaUrl'> = host) {
  const answer = await lambdaClient(on).send(
    new InvokeCommand({ FunctionName: `${name}:durable`, Payload: JSON.stringify(payload), ...more }),
  );
  const text = Buffer.from(answer.Payload ?? '').toString();
  return {
    ...answer,
    arn: answer.DurableExecutionArn ?? '',
    value: text === '' ? undefined : JSON.parse(text),
  };
}

const describeExecution = (DurableExecutionArn: string, on = host) =>
  lambdaClient(on).send(new GetDurableExecutionCommand({ DurableExecutionArn }));

const untilStatus = (arn: string, status: string, on = host) =>
  until(async () => expect((await describeExecution(arn, on)).Status).toBe(status));

describe('a durable execution', () => {
  it('runs its steps once each and answers its result', async () => {
    const { value, arn } = await invoke('test-steps', { file: file('once') });
    expect(value).toEqual({ sum: [0, 1, 2], file: file('once') });
    expect(await linesOf('once')).toEqual(['step-0', 'step-1', 'step-2']);
    expect(arn).toMatch(
      /^arn:aws:lambda:eu-central-1:123456789012:function:test-steps:1\/durable-execution\/[^/]+\/[^/]+$/,
    );
  });

  it('is refused without a qualifier, as on AWS', async () => {
    await expect(
      lambdaClient(host).send(new InvokeCommand({ FunctionName: 'test-steps', Payload: '{}' })),
    ).rejects.toMatchObject({ name: 'InvalidParameterValueException' });
  });

  it('of the same name and input is started once, and with another input refused', async () => {
    const named = { DurableExecutionName: 'the-one' };
    const first = await invoke('test-steps', { file: file('named') }, named);
    const second = await invoke('test-steps', { file: file('named') }, named);
    expect(second.arn).toBe(first.arn);
    expect(await linesOf('named')).toHaveLength(3);
    await expect(invoke('test-steps', { other: true }, named)).rejects.toMatchObject({
      name: 'DurableExecutionAlreadyStartedException',
    });
  });

  it('waits without a process running it, and goes on with what was done', async () => {
    const { arn } = await invoke(
      'test-steps',
      { file: file('wait'), waitSeconds: 1 },
      { InvocationType: 'Event' },
    );
    await untilStatus(arn, 'SUCCEEDED');
    expect(await linesOf('wait')).toEqual(['step-0', 'step-1', 'step-2']);
  });

  it('tries a failed step again after its delay', async () => {
    const { value } = await invoke('test-steps', { file: file('retry'), failAt: 1 });
    expect(value.sum).toEqual([0, 1, 2]);
    expect(await linesOf('retry')).toEqual(['step-0', 'step-1', 'step-1', 'step-2']);
  });

  it('goes on in another process after kill -9: finished steps are not run again, the running one is', async () => {
    const { value } = await invoke('test-steps', { file: file('killed'), killAt: 1 });
    expect(value.sum).toEqual([0, 1, 2]);
    expect(await linesOf('killed')).toEqual(['step-0', 'step-1', 'step-1', 'step-2']);
  });

  it('that fails answers the type and message of its error', async () => {
    const { FunctionError, value, arn } = await invoke('test-fails', {});
    expect(FunctionError).toBe('Unhandled');
    expect(value).toEqual({ errorType: 'TypeError', errorMessage: 'cannot be done' });
    const { Status, Error: error } = await describeExecution(arn);
    expect([Status, error?.ErrorMessage]).toEqual(['FAILED', 'cannot be done']);
  });

  it('of a function that is not durable fails and says so', async () => {
    const { value } = await invoke('test-plain', {});
    expect(value.errorMessage).toBe('Invalid Status in invocation output.');
  });

  it('calls other functions, durable ones too, and gets their results', async () => {
    const { value } = await invoke('test-parent', { file: file('chain') });
    expect(value).toEqual({ plain: 3, durable: { sum: [0, 1, 2], file: file('chain') } });
  });

  it('waits for a callback', async () => {
    const { arn } = await invoke('test-asks', { file: file('callback') }, { InvocationType: 'Event' });
    const [CallbackId] = await until(() => linesOf('callback'));
    await lambdaClient(host).send(
      new SendDurableExecutionCallbackSuccessCommand({ CallbackId, Result: Buffer.from('"yes"') }),
    );
    await untilStatus(arn, 'SUCCEEDED');
    expect((await describeExecution(arn)).Result).toContain('yes');
  });

  it('gets the error of a failed callback; a second completion is refused', async () => {
    const event = { file: file('refused') };
    const { arn } = await invoke('test-asksOnce', event, { InvocationType: 'Event' });
    const [CallbackId] = await until(() => linesOf('refused'));
    const client = lambdaClient(host);
    const refusal = { ErrorType: 'Refused', ErrorMessage: 'not today' };
    await client.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId }));
    await client.send(new SendDurableExecutionCallbackFailureCommand({ CallbackId, Error: refusal }));
    await untilStatus(arn, 'SUCCEEDED');
    expect((await describeExecution(arn)).Result).toContain('not today');
    for (const again of [
      new SendDurableExecutionCallbackSuccessCommand({ CallbackId, Result: Buffer.from('1') }),
      new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId }),
    ])
      await expect(client.send(again)).rejects.toMatchObject({ name: 'CallbackTimeoutException' });
  });

  it('gets a time-out when its callback stays away', async () => {
    const event = { file: file('late'), timeout: { seconds: 1 } };
    const { value } = await invoke('test-asksOnce', event);
    expect(value).toMatchObject({ message: expect.stringContaining('timed out') });
  });

  it.each([
    ['that was never issued', 'bm9uZQ==', 'ResourceNotFoundException'],
    ['in another alphabet', '0b5ae4f2-6b8e-4c0e', 'InvalidParameterValueException'],
  ])('refuses a callback id %s', async (_, CallbackId, name) => {
    const answer = new SendDurableExecutionCallbackSuccessCommand({ CallbackId });
    await expect(lambdaClient(host).send(answer)).rejects.toMatchObject({ name });
  });

  it('that may run for longer than 15 minutes is not waited for', async () => {
    await expect(invoke('test-longest', {})).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
    const { arn } = await invoke('test-longest', {}, { InvocationType: 'Event' });
    await untilStatus(arn, 'SUCCEEDED');
  });

  it.each(['with space', 'x'.repeat(65), 'größe'])('is not started under the name %j', async (name) => {
    await expect(invoke('test-steps', {}, { DurableExecutionName: name })).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('can be stopped while it waits', async () => {
    const { arn } = await invoke(
      'test-steps',
      { file: file('stop'), waitSeconds: 30 },
      { InvocationType: 'Event' },
    );
    await until(() => linesOf('stop'));
    await lambdaClient(host).send(new StopDurableExecutionCommand({ DurableExecutionArn: arn }));
    await untilStatus(arn, 'STOPPED');
  });

  it('is found by function, name and status', async () => {
    const list = (more: object) =>
      lambdaClient(host).send(
        new ListDurableExecutionsByFunctionCommand({ FunctionName: 'test-fails', ...more }),
      );
    await invoke('test-fails', {}, { DurableExecutionName: 'listed' });
    const { DurableExecutions = [] } = await list({ DurableExecutionName: 'listed', Statuses: ['FAILED'] });
    expect(DurableExecutions.map(({ DurableExecutionName }) => DurableExecutionName)).toEqual(['listed']);
    expect((await list({ Statuses: ['RUNNING'] })).DurableExecutions).toEqual([]);
  });
});

describe('limits', () => {
  it('fail the execution that passes them', async () => {
    const small = await fixture.start({
      dataFolder: file('small'),
      durableLimits: { maxOperations: 4, maxFruitlessInvocations: 2, pageSize: 2 },
    });
    const enough = await invoke('test-steps', { file: file('enough'), waitSeconds: 1, count: 2 }, {}, small);
    expect(enough.value.sum).toEqual([0, 1]);
    const tooMany = await invoke('test-steps', { file: file('many'), count: 9 }, {}, small);
    expect(tooMany.value.errorMessage).toContain('more than 4 operations');
    const hopeless = await invoke('test-dies', {}, {}, small);
    expect(hopeless.value.errorMessage).toContain('exit status 3');
  });
});

describe('a host that starts again over the same data', () => {
  it('goes on with what was waiting and keeps what was done', async () => {
    const before = await fixture.start({ dataFolder: file('restart') });
    const payload = { file: file('restarted'), waitSeconds: 2 };
    const { arn } = await invoke('test-steps', payload, { InvocationType: 'Event' }, before);
    const store = new ExecutionStore(join(file('restart'), 'durable-executions.sqlite'));
    await until(() => expect(store.get(arn)?.suspended).toBe(1));
    store.close();
    await before.close();
    const after = await fixture.start({ dataFolder: file('restart') });
    await untilStatus(arn, 'SUCCEEDED', after);
    expect(await linesOf('restarted')).toEqual(['step-0', 'step-1', 'step-2']);
  });

  it('goes on after kill -9 of the host, and the processes of the killed one are gone', async () => {
    const dataFolder = file('killed-host');
    const killed = await startInChild({ ...fixture.options, dataFolder });
    const payload = { file: file('hard'), waitSeconds: 2 };
    const { arn } = await invoke('test-steps', payload, { InvocationType: 'Event' }, killed);
    await until(() => linesOf('hard'));
    const pids = await killed.pids('test-steps');
    killed.kill();
    await until(() => expect(pids.filter(isAlive)).toEqual([]));
    const after = await fixture.start({ dataFolder });
    await untilStatus(arn, 'SUCCEEDED', after);
    expect((await linesOf('hard')).slice(-2)).toEqual(['step-1', 'step-2']);
  });
});

/** A host in a process of its own, which can be killed. */
async function startInChild(options: object) {
  const script = join(fixture.folder, 'host.ts');
  const hostModule = join(import.meta.dirname, '../../../../emulator/aws/lambda/host.ts');
  await writeFile(
    script,
    `import { startLambdaHost } from ${JSON.stringify(hostModule)};
     const host = await startLambdaHost(JSON.parse(process.argv[2]));
     process.send(host.lambdaUrl);
     process.on('message', async (name) => process.send(await host.pids(name)));`,
  );
  const child = fork(script, [JSON.stringify(options)]);
  const [lambdaUrl]: string[] = await once(child, 'message');
  return {
    lambdaUrl: lambdaUrl ?? '',
    async pids(name: string): Promise<number[]> {
      child.send(name);
      const [pids] = await once(child, 'message');
      return pids;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
