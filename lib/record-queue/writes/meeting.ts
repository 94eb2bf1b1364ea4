import { createMaker, meetAt, otherMakerMs } from '../../operations/write-ledger.ts';
import { InDoubtError } from '../disposition.ts';
import type { Attempt } from './attempt.ts';

/** Where the writers of one correlation_id meet, in a table whose sys_ids the instance chooses. */
export type Meeting = Awaited<ReturnType<typeof meetAt>>;

/** The meeting of an attempt with others that may be making a record with this correlation_id. */
export function meetingOf({ context, table }: Attempt, correlationId: string): Promise<Meeting> {
  return meetAt(context.ledger, table, correlationId, context.clock);
}

/**
 * Keeps others from making a record with this correlation_id while this message may be making one.
 * @throws InDoubtError while another message may be making one, or has been since one looked
 */
export async function reserveOrWait(meeting: Meeting, { command, name, untilMs }: Attempt): Promise<void> {
  const maker = command.command.action === 'create' ? createMaker(name) : name;
  if (!(await meeting.reserve(maker, untilMs))) throw new InDoubtError(otherMakerMs);
}
