import * as z from 'zod/mini';
import type { Clock } from '../../core/clock.ts';
import { InvalidInputError, mayHaveTakenEffect } from '../../core/errors.ts';
import { correlationIdOf, type Identity } from '../../operations/identity.ts';
import { compareColumns } from '../../operations/replay.ts';
import type { ServiceNowResponse } from '../../servicenow/call.ts';
import { InsertRefusedError } from '../../servicenow/errors.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { type Done, InDoubtError } from '../disposition.ts';
import { isDeliveredAgain } from '../first-sender.ts';
import { KeyReusedError } from './attempt.ts';
import { type Create, createByCorrelationId, createdAnswer, requestFor } from './create-by-correlation-id.ts';
import { awaitEarlierCopy, keepDeleted } from './deleted-records.ts';
import { likelyNotesIn, type Notes, rememberWritten } from './journal.ts';
import { checkLag, findRecord, findValues, lookByWrite } from './lookup.ts';
import { isSysIdHonoured, rememberIfIgnored } from './sys-id-honouring.ts';
import { digestOfCommand, isOtherWork } from './work-digest.ts';
import type { WriteContext } from './write-context.ts';

/**
 * Creates a record, once for each key.
 * @throws InvalidInputError for a record with an identity of its own; what the create was refused with
 */
export async function createRecord(command: Create, context: WriteContext): Promise<Done> {
  const { record, table } = command.command;
  const identity = await identityFor(command, context);
  if (Object.hasOwn(record, identity.kind))
    throw new InvalidInputError(
      `record.${identity.kind}`,
      'is derived from the key; give what identifies the record as the key',
    );
  const notes = await likelyNotesIn(table, record, context);
  if (identity.kind === 'sys_id') return createBySysId(command, identity.sysId, notes, context);
  return createByCorrelationId(command, identity.correlationId, notes, context);
}

/** True when the message may have been written before: then it is looked once more whether its record has been deleted since. */
function mayBeRepeat({ message, hasExplicitKey }: Create): boolean {
  return hasExplicitKey || isDeliveredAgain(message);
}

/** A record is not made, found and deleted by a message in less time. It is longer than messages wait for a batch as a rule. */
const youngMs = 10_000;

/**
 * True when a record of the message may have been made, and deleted by us, before: only then is what is known of it read. Lambda may
 * hand a message over twice that was received once, and SQS a copy that it did not delete, which counts as received once too.
 */
export function mayHaveBeenDeleted(command: Create, clock: Clock): boolean {
  return mayBeRepeat(command) || clock.now() - command.message.sentAtMs > youngMs;
}

/** A table that was seen to ignore the sys_id of a create, by any process, is treated like one that refuses it. */
async function identityFor(command: Create, context: WriteContext): Promise<Identity> {
  const { naming } = context;
  const { table } = command.command;
  const identity = naming.identityOf(table, command.key);
  if (identity.kind !== 'sys_id' || (await isSysIdHonoured(command, context))) return identity;
  return { kind: 'correlation_id', correlationId: correlationIdOf(naming.deployment, table, command.key) };
}

/** Tables that the platform rotates: it begins a new shard each day, whose primary key does not know the records of the others. */
const rotatedTables: readonly string[] = ['em_event'];

function isRotated(table: string): boolean {
  return rotatedTables.includes(table.toLowerCase());
}

/**
 * The primary key of the instance lets one copy through, so that nothing has to be remembered, except that the record was
 * deleted by us since: then it is not made again. In a rotated table that holds for a day, so that its creates are remembered.
 */
async function createBySysId(
  command: Create,
  sysId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  const { clock, ledger } = context;
  const { table } = command.command;
  if (mayHaveBeenDeleted(command, clock)) {
    const [mark, effect] = await Promise.all([
      ledger.records.of(sysId),
      ledger.effectOfCreate(table, command.key),
    ]);
    if (effect && isOtherWork(effect, command)) {
      // The key may have been used again after the record was made: then this is a copy of the message that made it.
      const presence = mark.isDeleted ? 'absent' : await findRecord(table, sysId, context);
      if (presence !== 'visible' && presence !== 'hidden') throw new KeyReusedError();
      return 'duplicate';
    }
    if (mark.isDeleted) return keepDeleted(table, sysId, mark, context);
    if (effect?.write === 'create') return 'duplicate';
  }
  if (!isDeliveredAgain(command.message)) return sendBySysId(command, sysId, notes, context);
  // The process may die before it has looked whether a delete was faster.
  const untilMs = context.callContext.deadline.atMs + context.inDoubtMs;
  const mark = await ledger.records.beginRepeat(sysId, untilMs);
  const end = () => ledger.records.endRepeat(sysId, untilMs).catch(() => undefined);
  if (mark.isDeleted) {
    await end();
    return keepDeleted(table, sysId, mark, context);
  }
  try {
    const done = await sendBySysId(command, sysId, notes, context);
    await end();
    return done;
  } catch (error) {
    // What could not be remembered of a lost answer stays on guard by this.
    if (!(error instanceof InDoubtError)) await end();
    throw error;
  }
}

async function sendBySysId(
  command: Create,
  sysId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  const { table } = command.command;
  const request = requestFor(command, notes, { sys_id: sysId }, context);
  try {
    const response = await context.send({ request });
    return await checkAnswer(response, command, sysId, notes, context);
  } catch (error) {
    if (!(error instanceof ServiceNowError && error.recordMayExist)) throw error;
    const done = await explain(error, command, sysId, context);
    if (isRotated(table)) await rememberCreate(command, sysId, context);
    await rememberNotes(command, sysId, notes, context, done === 'duplicate');
    return done;
  }
}

/** The instance said that the record was made; its answer shows under which sys_id, unless the user may not read it. */
async function checkAnswer(
  { body, isRepeat }: ServiceNowResponse,
  command: Create,
  sysId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  const made = z.safeParse(createdAnswer, body).data?.result.sys_id;
  const isIgnored = await rememberIfIgnored(command, sysId, made, context);
  await rememberNotes(command, made ?? sysId, notes, context);
  if (isIgnored || made === undefined || isRotated(command.command.table))
    await rememberCreate(command, made ?? sysId, context);
  if (isIgnored) return 'done';
  if (isRepeat) await awaitEarlierCopy(sysId, true, undefined, context);
  else noteMade(command, sysId, context);
  return 'done';
}

/** What a create by sys_id came to whose answer was lost, or which was refused although the record may be there. */
async function explain(
  error: ServiceNowError,
  command: Create,
  sysId: string,
  context: WriteContext,
): Promise<Done> {
  const { record, table } = command.command;
  const isLost = mayHaveTakenEffect(error);
  const { presence, body } = await findValues(table, sysId, record, context).catch(async (cause: unknown) => {
    if (isLost) await awaitEarlierCopy(sysId, false, error, context);
    throw cause;
  });
  const isMade = presence === 'visible' || presence === 'hidden';
  // The instance may still be working on this copy, no matter which copy made the record.
  if (isLost) await awaitEarlierCopy(sysId, isMade, error, context);
  if (isMade) {
    if (isLost) return 'done';
    if (error.isReadBackDenial) return madeUnreadable(command, sysId, context);
    if (presence === 'visible') await logDifferences(command, body, context);
    return 'duplicate';
  }
  // The table may ignore a given sys_id: sent again, it would be made again.
  if (error.isReadBackDenial) {
    await rememberCreate(command, sysId, context);
    return madeUnreadable(command, sysId, context);
  }
  if (error.attempts > 1 || mayBeRepeat(command)) await checkLag(error, sysId, context);
  else if (await isMadeUnseen(error, command, sysId, context)) return 'duplicate';
  throw error;
}

/** Lambda may hand a message over twice at once: then the other copy has made the record, and a look-up may lag behind that. */
async function isMadeUnseen(
  refusal: ServiceNowError,
  { command: { table } }: Create,
  sysId: string,
  context: WriteContext,
): Promise<boolean> {
  if (!(refusal instanceof InsertRefusedError)) return false;
  return (await lookByWrite(table, sysId, context)).presence === 'visible';
}

/** A delete of the record may have come in between: see `checkMade`. */
function noteMade(command: Create, sysId: string, { made }: WriteContext): void {
  if (mayBeRepeat(command)) made.push({ message: command.message, table: command.command.table, sysId });
}

function madeUnreadable(command: Create, sysId: string, context: WriteContext): Done {
  noteMade(command, sysId, context);
  return 'done';
}

/** A sender may give any number of columns with names of any length; a log line names so many. */
const mostNamed = 20;
const longestName = 80;

/**
 * The key may have been used before for another record. That is no proof: the record may have been changed since, and a rule
 * may have changed what it was created with. So the message is not refused, but what differs is logged.
 */
async function logDifferences(command: Create, body: unknown, context: WriteContext): Promise<void> {
  const { hasExplicitKey, keyIsWork, message } = command;
  if (!hasExplicitKey || keyIsWork) return;
  const { record, table } = command.command;
  const { callContext, journals, log } = context;
  const compared = await compareColumns(table, record, body, journals, callContext).catch(() => undefined);
  const columns = [...(compared?.differing ?? []), ...(compared?.absent ?? [])];
  if (columns.length === 0) return;
  const names = columns.slice(0, mostNamed).map((column) => column.slice(0, longestName));
  log.warn('duplicate-differs', { table, messageId: message.messageId, columns: names.join() });
}

async function rememberCreate(command: Create, sysId: string, context: WriteContext): Promise<void> {
  const { clock, ledger } = context;
  const nowMs = clock.now();
  const effect = {
    state: 'applied',
    digest: digestOfCommand(command),
    write: 'create',
    isUpsert: false,
    sysId,
    sentAtMs: nowMs,
    untilMs: nowMs,
  } as const;
  await ledger.remember(command.command.table, command.key, effect);
}

/** Later notes with the same text must not take these for theirs. */
async function rememberNotes(
  command: Create,
  sysId: string,
  notes: Notes,
  context: WriteContext,
  isRepeat = false,
): Promise<void> {
  if (notes.size > 0) await rememberWritten(command, sysId, notes, context, isRepeat);
}
