import { deriveCorrelationMeeting } from '../../operations/identity.ts';
import { createMaker, meet } from '../../operations/write-ledger.ts';
import { InDoubtError } from '../disposition.ts';
import type { Attempt } from './attempt.ts';

/** Where the writers of one correlation_id meet, in a table whose sys_ids the instance chooses. */
export type Meeting = Awaited<ReturnType<typeof meet>>;

/** How long a message waits for another one that may be making a record which it would find. */
export const otherMakerMs = 5_000;

/** Looks who may be making a record with this correlation_id. To be called before the instance is asked for that record. */
export function meetAt({ context, table }: Attempt, correlationId: string): Promise<Meeting> {
  return meet(context.ledger, deriveCorrelationMeeting(table, correlationId), context.clock);
}

/**
 * Keeps others from making a record with this correlation_id while this message may be making one.
 * @throws InDoubtError while another message may be making one, or has been since one looked
 */
export async function reserveOrWait(meeting: Meeting, { command, name, untilMs }: Attempt): Promise<void> {
  const maker = command.command.action === 'create' ? createMaker(name) : name;
  if (!(await meeting.reserve(maker, untilMs))) throw new InDoubtError(otherMakerMs);
}
