import * as z from 'zod/mini';
import { ConfigurationError } from '../core/errors.ts';
import { defineOperation } from './define-operation.ts';
import { readSignal } from './signal.ts';
import { signalShape } from './signal-schema.ts';

/**
 * Puts a signal on the FIFO records queue, in order with those of the same source and key. Answers 202 with
 * `{ result: { messageId } }`; its outcome shows in the record, or in the dead-letter queue.
 */
export const postSignal = defineOperation({
  name: 'postSignal',
  routes: [{ method: 'POST', path: '/signals', isOwn: true }],
  body: 'parameters',
  schema: z.object({ action: z.optional(z.literal('signal', 'must be signal')), ...signalShape() }),
  tables: ({ target = 'incident', lookups = {} }) => [
    target,
    ...Object.values(lookups).map(({ find }) => find),
  ],
  async carryOut(parameters, { enqueueSignal, instanceName }) {
    if (enqueueSignal === undefined)
      throw new ConfigurationError('recordsFifo', 'must be true; signals need the FIFO records queue');
    const messageId = await enqueueSignal(readSignal({ ...parameters, instance: instanceName }));
    return { status: 202, headers: {}, body: { result: { messageId } }, attempts: 1 };
  },
});
