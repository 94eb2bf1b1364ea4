import type { LedgerWork } from '../../aws/effect-ledger.ts';
import type { Clock } from '../../core/clock.ts';
import { deriveCorrelationMeeting, deriveUpsertSysId, type Identity } from '../../operations/identity.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import type { Done } from '../disposition.ts';
import type { RecordCommand } from '../message.ts';
import type { Naming } from '../ordering.ts';
import { createRecord, mayHaveBeenDeleted } from './create.ts';
import { deleteRecord } from './delete.ts';
import { applySignal } from './signal.ts';
import { updateRecord } from './update.ts';
import { upsertRecord } from './upsert.ts';
import { givenCorrelationId } from './upsert-work.ts';
import type { CommandOf, WriteContext } from './write-context.ts';

/** Carries out what one message asks for. @throws what it failed with */
export function writeRecord(command: RecordCommand, context: WriteContext): Promise<Done> {
  if (isAction(command, 'create')) return createRecord(command, context);
  if (isAction(command, 'update')) return inEitherCase(command, (one) => updateRecord(one, context));
  if (isAction(command, 'upsert')) return upsertRecord(command, context);
  if (isAction(command, 'delete')) return inEitherCase(command, (one) => deleteRecord(one, context));
  if (isAction(command, 'signal')) return applySignal(command, context);
  throw new Error(`no such action: ${command.command.action}`);
}

/**
 * A sys_id is kept in the case that it was given in (docs/servicenow-contract.md 10); one that the instance made is lower case,
 * and a program that passes it on may have changed that.
 */
async function inEitherCase<Command extends CommandOf<'update' | 'delete'>>(
  command: Command,
  write: (command: Command) => Promise<Done>,
): Promise<Done> {
  const sysId = command.command.sysId.toLowerCase();
  try {
    return await write(command);
  } catch (error) {
    if (!(error instanceof RecordNotFoundError) || sysId === command.command.sysId) throw error;
    return write({ ...command, command: { ...command.command, sysId } });
  }
}

function isAction<Action extends RecordCommand['command']['action']>(
  command: RecordCommand,
  action: Action,
): command is CommandOf<Action> {
  return command.command.action === action;
}

/** Where a create without the protection of the primary key meets others that make a record with its correlation_id. */
function meetingOf({ command }: RecordCommand, identity: Identity): string | undefined {
  if (identity.kind !== 'correlation_id') return undefined;
  const { table } = command;
  const given = command.action === 'upsert' ? givenCorrelationId(command) : undefined;
  if (command.action === 'create' || command.action === 'upsert')
    return deriveCorrelationMeeting(table, given ?? identity.correlationId);
  return undefined;
}

/** What the ledger will be asked for at once; a create that cannot be a repeat needs nothing. */
export function ledgerNeeds(
  commands: readonly RecordCommand[],
  { deployment, identityOf }: Naming,
  clock: Clock,
) {
  const work: LedgerWork[] = [];
  const sysIds: string[] = [];
  for (const command of commands) {
    const { table } = command.command;
    const identity = identityOf(table, command.key);
    const isProtected = isAction(command, 'create') && identity.kind === 'sys_id';
    if (isProtected && !mayHaveBeenDeleted(command, clock)) continue;
    work.push({ table, key: command.key, isCreateBySysId: isProtected });
    const meeting = meetingOf(command, identity);
    if (meeting !== undefined) sysIds.push(meeting);
    if (isAction(command, 'signal')) continue;
    if ('sysId' in command.command) sysIds.push(command.command.sysId);
    else if (identity.kind === 'sys_id')
      sysIds.push(
        isAction(command, 'upsert')
          ? deriveUpsertSysId(deployment, table, command.command.match, 0)
          : identity.sysId,
      );
  }
  return { work, sysIds };
}
