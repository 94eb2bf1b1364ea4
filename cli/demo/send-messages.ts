import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from '@aws-sdk/client-sqs';
import { encodedQuery } from '../../lib/servicenow/encoded-query.ts';
import { expectSame, type Scene, until } from './scene.ts';

const MESSAGES = 25;
const POISON_AT = 13;
const BATCH = 10;

/** Sends 25 messages: 24 become incidents, and the malformed one goes to the dead-letter queue with the reason. */
export async function sendMessages({ endpoints, instance, sqs, say }: Scene): Promise<void> {
  const { recordsQueueUrl, recordsDlqUrl } = endpoints.sqs;
  say(`2. SQS: ${MESSAGES} messages, one of them malformed, to ${recordsQueueUrl}`);
  const bodies = Array.from({ length: MESSAGES }, (_, n) =>
    n === POISON_AT ? '{"table":"incident",' : message(n),
  );
  for (let from = 0; from < bodies.length; from += BATCH) {
    const Entries = bodies.slice(from, from + BATCH).map((MessageBody, n) => ({ Id: `${n}`, MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: recordsQueueUrl, Entries }));
  }
  const dead = await until('the dead letter', async () => {
    const ask = { QueueUrl: recordsDlqUrl, MessageAttributeNames: ['All'], VisibilityTimeout: 0 };
    return (await sqs.send(new ReceiveMessageCommand(ask))).Messages?.[0];
  });
  await until('24 incidents', async () =>
    (await instance.count('incident', OURS)) >= MESSAGES - 1 ? true : undefined,
  );
  expectSame('incidents created from messages', await instance.count('incident', OURS), MESSAGES - 1);
  expectSame('dead letters', await depth(sqs, recordsDlqUrl), '1');
  const reason = dead.MessageAttributes?.['ErrorMessage']?.StringValue;
  expectSame('the reason of the dead letter', reason, 'body: is not valid JSON');
  say(`   ${MESSAGES - 1} incidents, 1 dead letter: ${reason}`);
}

const OURS = encodedQuery().where('correlation_display', '=', 'servicenow-functions demo');

function message(n: number): string {
  const record = {
    short_description: `Temperature of rack ${n} is high`,
    correlation_id: `rack-${n}`,
    correlation_display: 'servicenow-functions demo',
  };
  return JSON.stringify({ table: 'incident', key: `demo-rack-${n}`, record });
}

async function depth(sqs: Scene['sqs'], QueueUrl: string): Promise<string | undefined> {
  const ask = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] });
  return (await sqs.send(ask)).Attributes?.['ApproximateNumberOfMessages'];
}
