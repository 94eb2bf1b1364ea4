import { redriveHandler } from '../lib/runtime.ts';

/**
 * Moves dead letters back to the records queues that may be written now: those whose `ErrorCode` stands for something that passes, such
 * as an outage. Letters keep their keys, so that nothing is written twice.
 *
 * Trigger: a schedule (param `redriveEvery`), or a direct Invoke of any event.
 *
 * Answers `{ standard, fifo? }`, each `{ moved, kept, returned, failures }`: letters that were moved, that stay for their code, that failed
 * again while this ran, and the reasons of those that could not be moved.
 */
export const handler = redriveHandler();
