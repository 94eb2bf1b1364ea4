import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Damage } from '../harness/storm-report.ts';

/** The dead letters of a storm in which every event can be applied: each is a damage. */
export async function readEventLetters({ sqs, variable }: FaultStack): Promise<readonly Damage[]> {
  const damages: Damage[] = [];
  for (const QueueUrl of [
    variable('mapEvents', 'EVENTS_DLQ_URL'),
    variable('writeRecords', 'RECORDS_FIFO_DLQ_URL'),
  ]) {
    const receive = {
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 600,
      MessageAttributeNames: ['All'],
    };
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(receive));
      if (Messages.length === 0) break;
      for (const { Body = '', MessageAttributes = {} } of Messages) {
        const { ErrorCode, ErrorMessage } = MessageAttributes;
        const reason = `${ErrorCode?.StringValue}: ${ErrorMessage?.StringValue}`;
        damages.push({ kind: 'false dead letter', text: `${reason}: ${Body.slice(0, 300)}` });
      }
    }
  }
  return damages;
}
