import { postSignal } from '../lib/operations/post-signal.ts';
import { signalHandler } from '../lib/runtime.ts';

/**
 * Reports the state of a thing: a signal on the FIFO records queue (docs/events.md).
 *
 * HTTP: `POST /signals`, the body being `{ signal: open | update | resolve | note, source, key, at, eventId, target?, fields?, note?,
 * resolve?, reopen?, lookups?, … }`, published as JSON Schema in `schemas/record-message.schema.json`. Answers 202 with
 * `{ result: { messageId } }`.
 *
 * Direct Invoke: the same object, plus `instance?`. Answers the same body.
 */
export const handler = signalHandler(postSignal);
