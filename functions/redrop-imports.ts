import { redropHandler } from '../lib/runtime.ts';

/**
 * Drops files again whose imports were given up for an outage: the rows that were never sent, up to three times, and not when another
 * version of the file was dropped since.
 *
 * Trigger: a schedule (param `redropEvery`), or a direct Invoke of any event.
 *
 * Answers `{ dropped, superseded, failures }`: files that were dropped again, that need not be, and the reasons of those that could not be.
 */
export const handler = redropHandler();
