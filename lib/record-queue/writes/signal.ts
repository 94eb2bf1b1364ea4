import { digestOf } from '../../aws/digest.ts';
import { InvalidInputError } from '../../core/errors.ts';
import { groupNameOf, isEvent, workNameOf } from '../../operations/signal.ts';
import type { Done } from '../disposition.ts';
import { eventOf } from '../life-cycle/compose.ts';
import { tablesWithLife } from '../life-cycle/decide.ts';
import { Attempt } from './attempt.ts';
import { createRecord } from './create.ts';
import { Episodes } from './episodes.ts';
import { findReferences } from './references.ts';
import { holding } from './signal-create.ts';
import { SignalWrite } from './signal-write.ts';
import { isSysIdHonoured } from './sys-id-honouring.ts';
import type { CommandOf, WriteContext } from './write-context.ts';

type Command = CommandOf<'signal'>;
type Columns = Readonly<Record<string, unknown>>;

/**
 * Applies a signal to the record of its key: creates, updates, resolves or reopens it, or does nothing.
 * @throws InvalidInputError for a target without a life cycle; what the instance refuses; InDoubtError
 */
export async function applySignal(command: Command, context: WriteContext): Promise<Done> {
  const { signal, table } = command.command;
  if (signal.life === 'none') return createOnce(command, context, {});
  if (isEvent(signal)) return sendEvent(command, context);
  if (!tablesWithLife.includes(table.toLowerCase()))
    throw new InvalidInputError(
      'target',
      `must be ${tablesWithLife.join(', ')} or em_event; any other table needs life: none`,
    );
  return Attempt.run(command, context, async (attempt) => {
    const byCorrelationId = !(await isSysIdHonoured(command, context));
    const thing = { table, source: signal.source, key: signal.key };
    const episodes = new Episodes(thing, context, byCorrelationId);
    const write = new SignalWrite(attempt, episodes, byCorrelationId);
    // The group of the thing has one worker at a time. Between others an older state could win: no write has a condition.
    const isOrdered = command.message.groupId === digestOf(groupNameOf(signal));
    return isOrdered ? write.run() : holding('thing', attempt, signal, () => write.run());
  });
}

/** A record without a life: the first signal of a key makes it, all others find it made. */
async function createOnce(command: Command, context: WriteContext, more: Columns): Promise<Done> {
  const { signal, table } = command.command;
  const { columns } = await findReferences(signal.lookups ?? {}, context);
  const record = { ...signal.fields, ...columns, ...more };
  const create = { action: 'create', table, record } as const;
  const work = {
    ...command,
    command: create,
    key: workNameOf(signal),
    hasExplicitKey: true,
    keyIsWork: true,
  };
  return createRecord(work, context);
}

/**
 * Event Management keeps its own life cycle: an `open` and a `resolve` become events, and a recovery closes its alert. An event for
 * anything else would make an alert where there is none, or make one of less severity.
 */
async function sendEvent(command: Command, context: WriteContext): Promise<Done> {
  const { signal } = command.command;
  if (signal.signal === 'note' || signal.signal === 'update') return 'ignored';
  const atMs = Math.min(Date.parse(signal.at), command.message.sentAtMs);
  return createOnce(command, context, eventOf({ ...signal, atMs }));
}
