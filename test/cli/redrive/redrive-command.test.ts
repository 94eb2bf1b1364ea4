import { execFile } from 'node:child_process';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SqsFixture, startSqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';

let fixture: SqsFixture;
beforeAll(async () => {
  fixture = await startSqsFixture();
});
afterAll(() => fixture.close());

/** Runs `npx servicenow-functions redrive` with these arguments: exit code and what it said. */
function redriveCommand(...args: string[]): Promise<{ code: number; text: string }> {
  const env = {
    PATH: process.env['PATH'],
    // No stack that someone runs on this machine.
    XDG_CACHE_HOME: '/nonexistent',
    AWS_ENDPOINT_URL_SQS: fixture.sqs.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
  return new Promise((resolve) => {
    execFile(process.execPath, ['cli/main.ts', 'redrive', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr });
    });
  });
}

async function sendDeadLetter(QueueUrl: string, code: string): Promise<void> {
  const MessageAttributes = { ErrorCode: { DataType: 'String', StringValue: code } };
  await fixture.client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}', MessageAttributes }));
}

it('moves letters back by code and says what it found', async () => {
  const dlq = await fixture.queue('dlq');
  for (const code of ['DATA_POLICY', 'DATA_POLICY', 'THROTTLED', 'INVALID_INPUT'])
    await sendDeadLetter(dlq, code);
  const codes = ['--code', 'DATA_POLICY, THROTTLED'];
  const { code, text } = await redriveCommand(
    '--dlq',
    dlq,
    '--queue',
    await fixture.queue('queue'),
    ...codes,
    '--wait',
    '0',
  );
  expect({ code, text }).toEqual({
    code: 0,
    text: '4 dead letters\n  DATA_POLICY: 2\n  THROTTLED: 1\n  INVALID_INPUT: 1\n3 moved back to the queue.\n',
  });
});

it('says which queues it needs, and reports a missing queue', async () => {
  const [unaddressed, lost] = await Promise.all([
    redriveCommand('--dry-run'),
    redriveCommand('--dlq', `${fixture.sqs.url}/000000000000/nowhere`, '--queue', 'x'),
  ]);
  expect(unaddressed).toEqual({
    code: 1,
    text: expect.stringMatching(/^No local stack is running; .*--queue and --dlq\n$/),
  });
  expect(lost).toEqual({ code: 1, text: expect.stringContaining('there is no such queue') });
});
