import { ReceiveMessageCommand, SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { endpoints, held, sqs, uniqueWord, untilQueueIsEmpty } from './running-stack.ts';

const { recordsQueueUrl: QueueUrl, recordsDlqUrl } = endpoints.sqs;

const send = (body: object | string, more: object = {}) => {
  const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
  return sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
};
const create = (short_description: string, more: object = {}) => ({
  table: 'incident',
  record: { short_description },
  ...more,
});

/** The dead letter with this body. Others come back when their visibility timeout of a second is over. */
async function deadLetter(part: string) {
  const ask = new ReceiveMessageCommand({
    QueueUrl: recordsDlqUrl,
    MaxNumberOfMessages: 10,
    VisibilityTimeout: 1,
    WaitTimeSeconds: 1,
    MessageAttributeNames: ['All'],
  });
  return until(async () => {
    const found = ((await sqs.send(ask)).Messages ?? []).find(({ Body }) => Body?.includes(part));
    if (!found) throw new Error(`no dead letter holds ${part}`);
    return found;
  });
}

describe('a message on the records queue', () => {
  it('becomes a record', async () => {
    const word = uniqueWord();
    await send(create(word));
    await until(async () => expect(await held('incident', `short_description=${word}`)).toHaveLength(1));
  });

  it('sent twice with one key becomes one record', async () => {
    const word = uniqueWord();
    for (let n = 0; n < 3; n++) await send(create(word, { key: word }));
    await untilQueueIsEmpty();
    expect(await held('incident', `short_description=${word}`)).toHaveLength(1);
  });

  it('that is invalid goes to the dead-letter queue with its reason and holds up no other', async () => {
    const word = uniqueWord();
    const bodies = [
      JSON.stringify(create(`${word}-1`)),
      `{"table": "incident", "poison": "${word}"`,
      JSON.stringify({ table: 'sys_properties', record: { name: word } }),
      JSON.stringify(create(`${word}-2`)),
    ];
    const Entries = bodies.map((MessageBody, n) => ({ Id: `${n}`, MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    await until(async () =>
      expect(await held('incident', `short_descriptionSTARTSWITH${word}`)).toHaveLength(2),
    );
    const poison = await deadLetter(`"poison": "${word}"`);
    expect(poison.MessageAttributes).toMatchObject({
      ErrorCode: { StringValue: 'INVALID_INPUT' },
      ErrorMessage: { StringValue: expect.stringContaining('not valid JSON') },
    });
    const refused = await deadLetter(`{"name":"${word}"}`);
    expect(refused.MessageAttributes?.['ErrorCode']?.StringValue).toBe('TABLE_NOT_ALLOWED');
  });
});
