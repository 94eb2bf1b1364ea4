import * as z from 'zod/mini';
import { startsOf } from '../../operations/cut-notes.ts';
import { compareColumns, valuesQuery } from '../../operations/replay.ts';
import { AccessDeniedError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { getRequest, updateRequest } from '../../servicenow/records.ts';
import type { Done } from '../disposition.ts';
import { isDeliveredAgain } from '../first-sender.ts';
import { Attempt } from './attempt.ts';
import { type Notes, NoteWriting, notesIn, withNotes } from './journal.ts';
import { countByValues, findRecord } from './lookup.ts';
import { type CommandOf, columnOfSender, type WriteContext } from './write-context.ts';

/**
 * Updates a record, once for each key. A record that is not found has been deleted by us since, or the update is refused.
 * @throws RecordNotFoundError; what the update failed with
 */
export async function updateRecord(command: CommandOf<'update'>, context: WriteContext): Promise<Done> {
  const { table, sysId, record, options } = command.command;
  return Attempt.run(command, context, async (attempt) => {
    const notes = await notesIn(table, record, context);
    await context.waitForTurn(command, sysId);
    const { isDeleted } = await attempt.checkRecord(sysId);
    if (isDeleted && (await findRecord(table, sysId, context, false)) === 'absent') {
      await attempt.complete('update', sysId);
      return 'duplicate';
    }
    try {
      return await writeUpdate(attempt, {
        table,
        sysId,
        record,
        notes,
        inputDisplayValue: options?.inputDisplayValue ?? false,
      });
    } catch (error) {
      if (!(error instanceof RecordNotFoundError)) throw error;
      // The record may have been deleted since the batch began.
      const now = await context.ledger.records.now(sysId);
      if (!now.isDeleted) throw error;
      await attempt.complete('update', sysId);
      return 'duplicate';
    }
  });
}

/** The update of one record. */
export type Update = {
  readonly table: string;
  readonly sysId: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly notes: Notes;
  readonly inputDisplayValue: boolean;
};

/**
 * Sends an update and remembers that it was made. It is announced before, and when an earlier attempt may have written it, its
 * notes are looked for in the journal and its values in the record. What other keys have written since is left as it is: an
 * old update never reverts a newer one.
 */
export async function writeUpdate(attempt: Attempt, update: Update): Promise<Done> {
  const { sysId, notes } = update;
  const { ledger } = attempt.context;
  const writing = notes.size > 0 ? new NoteWriting(attempt, sysId, notes) : undefined;
  const isDone = () => (writing ? writing.isWritten() : holdsValues(update, attempt.context));
  const { record, asked } = await dropOverwritten(attempt, update);
  if (attempt.before && (Object.keys(record).length === 0 || (await isDone()))) {
    await attempt.complete('update', sysId);
    return 'duplicate';
  }
  if (Object.keys(record).length === 0 && Object.keys(update.record).length > 0) {
    await attempt.complete('update', sysId);
    return 'stale';
  }
  // An earlier attempt may have written all of them.
  const written = attempt.before ? update.record : record;
  const columns = Object.keys(written).filter((column) => !notes.has(column));
  if (writing || !attempt.isAnnounced) await attempt.announce('update', sysId);
  const times = { ...asked, sentAtMs: attempt.firstSentAtMs };
  await Promise.all([
    ledger.notes.rememberColumns(sysId, attempt.name, columns, times, {
      starts: startsOf(notes),
      untilMs: attempt.untilMs,
    }),
    writing?.announce(),
  ]);
  const values = { ...withNotes(record, notes), ...columnOfSender(attempt.command, attempt.context) };
  const request = updateRequest({ ...update, record: values, fields: answerFields });
  const undo = async () => {
    await writing?.withdraw();
    if (attempt.before === undefined) await ledger.notes.forgetColumns(sysId, attempt.name);
  };
  const answer = await attempt.send(request, sysId, isDone, undo);
  // The values may have been the same before, and the lost copy may still be running.
  if (answer === undefined && !writing) await attempt.keepOthersAway(sysId);
  // Once the work is known to be done, nothing would remember its notes any more.
  await writing?.complete();
  await attempt.complete('update', sysId);
  return 'done';
}

/**
 * Whether an earlier attempt has written an update, as far as the instance shows it: by its note, or by the values that no other key
 * may have written over since. What an instance drops, cuts or converts says nothing.
 */
export async function lookWhetherWritten(
  attempt: Attempt,
  update: Update,
): Promise<'written' | 'not written' | 'unknown'> {
  const { record } = await dropOverwritten(attempt, update);
  if (Object.keys(record).length === 0)
    return Object.keys(update.record).length > 0 ? 'unknown' : 'not written';
  if (update.notes.size > 0) {
    const isWritten = await new NoteWriting(attempt, update.sysId, update.notes).isWritten();
    return isWritten ? 'written' : 'not written';
  }
  const { table, sysId } = update;
  const { context, firstSentAtMs, name } = attempt;
  const { send, journals, callContext, ledger } = context;
  const own = await ledger.notes.columnsOfNoOther(sysId, Object.keys(record), firstSentAtMs, name);
  const isCompared = ([column, value]: readonly [string, unknown]) =>
    // An instance stores what is no text in its own notation.
    !isStructure(value) && (own.length === 0 || own.includes(column));
  const compared = Object.fromEntries(Object.entries(record).filter(isCompared));
  try {
    const request = getRequest({ table, sysId, parameters: valuesQuery(compared) });
    const { body } = await send({ request, isReconciling: true });
    const { differing, open, absent } = await compareColumns(table, compared, body, journals, callContext);
    if (differing.length > 0) return 'not written';
    return Object.keys(compared).length > open.length + absent.length ? 'written' : 'unknown';
  } catch (error) {
    if (!(error instanceof RecordNotFoundError || error instanceof AccessDeniedError)) throw error;
    const presence = await countByValues(table, sysId, compared, context);
    if (presence === 'absent') return 'not written';
    return presence === 'unknown' ? 'unknown' : 'written';
  }
}

/**
 * The values of an update without those that other keys have written since an earlier attempt was sent, or whose messages were sent
 * after its own. Where no earlier attempt may have taken effect, only a message that comes again can be late.
 */
async function dropOverwritten(attempt: Attempt, { sysId, record, notes }: Update) {
  const { before, command, context, name } = attempt;
  if (!before && !isDeliveredAgain(command.message)) return { record, asked: attempt.asked };
  const columns = Object.keys(record);
  const times = { ...attempt.asked, sentAtMs: before?.sentAtMs };
  const { later, asked } = await context.ledger.notes.columnsAfter(sysId, columns, times, name);
  const left = Object.entries(record).filter(([column]) => notes.has(column) || !later.has(column));
  return { record: Object.fromEntries(left), asked };
}

/** Answers to writes are not read beyond the sys_id. */
export const answerFields = ['sys_id'];

const shown = z.object({ value: z.string(), display_value: z.optional(z.nullable(z.string())) });
const holderAnswer = z.object({ result: z.record(z.string(), shown) });

/** Longer addresses are refused from 8 KB on (docs/servicenow-contract.md 1.4). */
const longestFields = 4_000;

/** True when a record holds everything that the update gives it, as it is stored or as it is displayed. */
async function holdsValues({ table, sysId, record }: Update, context: WriteContext): Promise<boolean> {
  const columns = Object.keys(record);
  if (columns.length === 0 || encodeURIComponent(columns.join()).length > longestFields) return false;
  const options = { displayValue: 'all', excludeReferenceLink: true } as const;
  const request = getRequest({ table, sysId, fields: columns, ...options });
  try {
    const { body } = await context.send({ request, isReconciling: true });
    const held = z.safeParse(holderAnswer, body).data?.result ?? {};
    return columns.every((column) => Object.hasOwn(held, column) && isHeld(held[column], record[column]));
  } catch (error) {
    if (!(error instanceof RecordNotFoundError || error instanceof AccessDeniedError)) throw error;
    // What the write, or a person since, has hidden from the user is counted all the same.
    return (await countByValues(table, sysId, record, context)) === 'hidden';
  }
}

function isStructure(given: unknown): boolean {
  return typeof given === 'object' && given !== null;
}

function isHeld(held: z.output<typeof shown> | undefined, given: unknown): boolean {
  if (held === undefined || isStructure(given)) return false;
  const text = given === null ? '' : String(given);
  return held.value === text || held.display_value === text;
}
