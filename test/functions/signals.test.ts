import { expect, it, onTestFinished } from 'vitest';
import { postSignal } from '../../lib/operations/post-signal.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';
import { startDeployment } from './emulated.ts';

const signal = {
  ...{ signal: 'open', source: 'disk', key: 'web-01', at: '2026-11-29T08:00:00Z', eventId: 'e-1' },
  fields: { short_description: 'Disk full' },
};

async function start(environment: Record<string, string> = {}) {
  const deployment = await startDeployment(environment);
  onTestFinished(() => deployment.close());
  return deployment;
}

it('takes a signal over HTTP and by direct Invoke, and answers the id of its message', async () => {
  const deployment = await start();
  const served = deployment.serve(postSignal);
  const answer = await served.http({ method: 'POST', url: '/signals', body: JSON.stringify(signal) });
  expect(answer).toMatchObject({ statusCode: 202, body: { result: { messageId: 'message-1' } } });
  expect(await served.invoke({ action: 'signal', ...signal })).toMatchObject({
    result: { messageId: 'message-2' },
  });
  expect(deployment.signals).toMatchObject([signal, signal]);
  expect(deployment.signals[0]).toMatchObject({ action: 'signal', instance: 'default' });
});

it('is served below a stage or a base path too', async () => {
  const deployment = await start();
  const url = '/dev/signals/';
  expect(
    (await deployment.serve(postSignal).http({ method: 'POST', url, body: JSON.stringify(signal) }))
      .statusCode,
  ).toBe(202);
});

it.each([
  ['signal', { signal: undefined }],
  ['key', { key: 'x'.repeat(513) }],
  ['at', { at: 'today' }],
  ['colour', { colour: 'red' }],
])('refuses a signal and names the field %s', async (field, change) => {
  const deployment = await start();
  const body = JSON.stringify({ ...signal, ...change });
  const answer = await deployment.serve(postSignal).http({ method: 'POST', url: '/signals', body });
  expect(answer.statusCode).toBe(400);
  expect(JSON.stringify(answer.body)).toContain(`${field}: `);
  expect(deployment.signals).toEqual([]);
});

it('takes signals for the tables of the deployment only, those of look-ups included', async () => {
  const deployment = await start({ ALLOWED_TABLES: 'incident' });
  const served = deployment.serve(postSignal);
  const lookups = { caller_id: { find: 'sys_user', by: { user_name: 'x' } } };
  for (const change of [{ target: 'problem' }, { lookups }]) {
    const body = JSON.stringify({ ...signal, ...change });
    expect((await served.http({ method: 'POST', url: '/signals', body })).statusCode).toBe(403);
  }
  expect(deployment.signals).toEqual([]);
});

it('names the caller over HTTP as the first sender of the message, and none for a direct Invoke', async () => {
  const deployment = await start();
  const body = JSON.stringify(signal);
  const event = httpEvent({ method: 'POST', url: '/signals', body });
  const authorizer = { iam: { userArn: 'arn:aws:sts::111122223333:assumed-role/app/session-7' } };
  const requestContext = { ...event.requestContext, authorizer };
  await deployment.handler(postSignal)({ ...event, requestContext }, lambdaContext());
  await deployment.serve(postSignal).invoke(signal);
  expect(deployment.senders).toEqual(['arn:aws:iam::111122223333:role/app', undefined]);
});
