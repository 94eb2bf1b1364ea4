import { expect, it } from 'vitest';
import { readSqsEvent } from '../../../lib/record-queue/sqs-event.ts';

it.each([[{}], [null], [{ Records: 'none' }]])(
  'says what it takes when it is invoked with %j instead of messages',
  (event) => {
    expect(() => readSqsEvent(event)).toThrow(
      'event: is not an SQS event; send messages to the queue instead',
    );
  },
);
