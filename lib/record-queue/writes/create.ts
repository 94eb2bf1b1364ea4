import * as z from 'zod/mini';
import {
  ConfigurationError,
  ConnectorError,
  InvalidInputError,
  mayHaveTakenEffect,
} from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import { correlationIdOf, type Identity } from '../../operations/identity.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { InsertRefusedError } from '../../servicenow/errors.ts';
import { createRequest, listRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import type { Done } from '../disposition.ts';
import { Attempt, type CommandOf, digestOfWork, type WriteContext } from './attempt.ts';
import { knownNotesIn, type Notes, rememberWritten, withNotes } from './journal.ts';
import { findRecord, isReadBackDenial, isRefusedAsTaken } from './lookup.ts';
import { answerFields } from './update.ts';

type Create = CommandOf<'create'>;

/**
 * Creates a record, once for each key.
 * @throws InvalidInputError for a record with an identity of its own; what the create was refused with
 */
export async function createRecord(command: Create, context: WriteContext): Promise<Done> {
  const { record } = command.command;
  const identity = await identityFor(command, context);
  if (Object.hasOwn(record, identity.kind))
    throw new InvalidInputError(
      `record.${identity.kind}`,
      'is derived from the key; give what identifies the record as the key',
    );
  const notes = knownNotesIn(record, context);
  if (identity.kind === 'sys_id') return createBySysId(command, identity.sysId, notes, context);
  return createByCorrelationId(command, identity.correlationId, notes, context);
}

/** True when the message may have been written before: only then is there anything to look up. */
export function mayBeRepeat({ message, hasExplicitKey }: Create): boolean {
  return hasExplicitKey || message.receiveCount > 1;
}

/** A table that was seen to ignore the sys_id of a create is treated like one that refuses it. */
async function identityFor(command: Create, context: WriteContext): Promise<Identity> {
  const { table } = command.command;
  const identity = context.naming.identityOf(table, command.key);
  if (identity.kind !== 'sys_id') return identity;
  const name = table.toLowerCase();
  if (!context.ignoringTables.has(name) && mayBeRepeat(command) && (await context.ledger.ignoresSysId(name)))
    context.ignoringTables.add(name);
  if (!context.ignoringTables.has(name)) return identity;
  const correlationId = correlationIdOf(context.naming.deployment, table, command.key);
  return { kind: 'correlation_id', correlationId };
}

/**
 * The primary key of the instance lets one copy through, so that nothing has to be remembered, except that the record was
 * deleted by us since: then it is not made again.
 */
async function createBySysId(
  command: Create,
  sysId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  const { ledger } = context;
  const { table } = command.command;
  if (mayBeRepeat(command)) {
    const [mark, effect] = await Promise.all([ledger.markOf(sysId), ledger.effectOf(table, command.key)]);
    if (mark.isDeleted || effect?.write === 'create') return 'duplicate';
  }
  const request = requestFor(command, notes, { sys_id: sysId });
  try {
    const response = await context.send({ request });
    return await checkAnswer(response, command, sysId, notes, context);
  } catch (error) {
    if (!(error instanceof ServiceNowError && error.recordMayExist)) throw error;
    const done = await explain(error, request, command, sysId, context);
    await rememberNotes(command, sysId, notes, context);
    return done;
  }
}

/** The instance said that the record was made; its answer tells under which sys_id, unless the user may not read it. */
async function checkAnswer(
  { body }: ServiceNowResponse,
  command: Create,
  sysId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  const { table } = command.command;
  const made = z.safeParse(createdAnswer, body).data?.result.sys_id;
  if (made === undefined) await rememberCreate(command, sysId, context);
  else if (made.toLowerCase() !== sysId) {
    context.ignoringTables.add(table.toLowerCase());
    context.log.warn('sys-id-ignored', { table, messageId: command.message.messageId });
    await Promise.all([
      rememberCreate(command, made, context),
      context.ledger.rememberThatTableIgnoresSysId(table),
    ]);
  }
  await rememberNotes(command, made ?? sysId, notes, context);
  return 'done';
}

/** What a create by sys_id came to whose answer was lost, or which was refused although the record may be there. */
async function explain(
  error: ServiceNowError,
  request: ServiceNowRequest,
  command: Create,
  sysId: string,
  context: WriteContext,
): Promise<Done> {
  const { table } = command.command;
  const presence = await findRecord(table, sysId, context);
  const isLost = mayHaveTakenEffect(error);
  if (presence === 'visible' || presence === 'hidden')
    return isLost || isReadBackDenial(error) ? 'done' : 'duplicate';
  // Until the instance has finished with this copy, nothing else goes to the record.
  if (isLost)
    await context.ledger
      .markInDoubt(sysId, context.clock.now() + context.inDoubtMs, '')
      .catch(() => undefined);
  if (isReadBackDenial(error) && (await isRefusedAsTaken(request, context))) {
    await rememberCreate(command, sysId, context);
    return 'done';
  }
  if (error instanceof InsertRefusedError && isMaybeLag(error, command)) throw new NotYetShownError();
  throw error;
}

/** So often a refused insert is looked for again before the refusal counts: a look-up may lag behind the insert. */
const lagReceives = 3;

function isMaybeLag(error: InsertRefusedError, { message }: Create): boolean {
  return (error.attempts > 1 || message.receiveCount > 1) && message.receiveCount <= lagReceives;
}

/** The instance refuses a record as existing, but does not show it. */
class NotYetShownError extends ConnectorError {
  override readonly name: string = 'NotYetShownError';
  override readonly code = 'INSERT_REFUSED';
  override readonly retryable = true;

  constructor() {
    super('the instance refused the insert and does not show the record; an earlier copy may have made it');
  }
}

async function rememberCreate(command: Create, sysId: string, context: WriteContext): Promise<void> {
  const { clock, ledger } = context;
  const nowMs = clock.now();
  const effect = {
    state: 'applied',
    digest: digestOfWork(command),
    write: 'create',
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
): Promise<void> {
  if (notes.size > 0) await rememberWritten(command, sysId, notes, context);
}

/** Without the protection of the primary key: looked up, announced, sent, remembered. */
async function createByCorrelationId(
  command: Create,
  correlationId: string,
  notes: Notes,
  context: WriteContext,
): Promise<Done> {
  return Attempt.run(command, context, async (attempt) => {
    const { table } = command.command;
    const complete = async (sysId: string) => {
      await attempt.complete('create', sysId);
      if (sysId !== '') await rememberNotes(command, sysId, notes, context);
    };
    const earlier = await lookUp(table, correlationId, context, attempt.before !== undefined);
    if (earlier.kind === 'hidden' && !attempt.before) {
      await attempt.checkCopies();
      throw new InvalidInputError(
        'key',
        'a record with this correlation_id exists that the user may not read',
      );
    }
    if (earlier.kind !== 'absent') {
      await complete(earlier.kind === 'found' ? earlier.sysId : '');
      return 'duplicate';
    }
    await attempt.announce('create', '');
    const request = requestFor(command, notes, { correlation_id: correlationId });
    const isMade = async () => (await lookUp(table, correlationId, context, true)).kind !== 'absent';
    try {
      const answer = await attempt.send(request, undefined, isMade);
      await complete(z.safeParse(createdAnswer, answer?.body).data?.result.sys_id ?? '');
    } catch (error) {
      if (!(error instanceof ServiceNowError) || !error.recordMayExist) throw error;
      // A 403 may come although the record was made.
      if (!isReadBackDenial(error) && !(await isMade())) {
        await attempt.withdraw();
        throw error;
      }
      await complete('');
    }
    return 'done';
  });
}

function requestFor(
  { command }: Create,
  notes: Notes,
  identity: Readonly<Record<string, string>>,
): ServiceNowRequest {
  return createRequest({
    table: command.table,
    record: { ...withNotes(command.record, notes), ...identity },
    inputDisplayValue: command.options?.inputDisplayValue,
    fields: answerFields,
  });
}

/** Of the records that an instance finds, some may differ in letter case only; more than this do not. */
const mostAlike = 100;

type LookUp = { readonly kind: 'found'; readonly sysId: string } | { readonly kind: 'hidden' | 'absent' };

async function lookUp(
  table: string,
  correlationId: string,
  context: WriteContext,
  isReconciling: boolean,
): Promise<LookUp> {
  const query = encodedQuery().where('correlation_id', '=', correlationId).orderBy('sys_created_on');
  const request = listRequest({ table, query, fields: ['sys_id', 'correlation_id'], limit: mostAlike });
  const { body, headers } = await context.send({ request, isReconciling });
  const parsed = z.safeParse(listAnswer, body);
  if (!parsed.success)
    throw new UnreadableAnswerError('a look-up answered without a sys_id; may the user read it?');
  const rows = parsed.data.result;
  // An instance drops a condition on a column that it does not know, and so finds any record (docs/servicenow-contract.md 2.3).
  if (rows.some(({ correlation_id }) => correlation_id === undefined))
    throw new ConfigurationError(
      'correlationIdTables',
      `${table} has no column correlation_id that the user may read, so that nothing can be created in it exactly once`,
    );
  const own = rows.find(({ correlation_id }) => correlation_id === correlationId);
  if (own) return { kind: 'found', sysId: own.sys_id };
  // The total is blind to access controls (docs/servicenow-contract.md 1.4).
  return { kind: Number(headers['x-total-count'] ?? 0) > rows.length ? 'hidden' : 'absent' };
}

const createdAnswer = z.object({ result: z.object({ sys_id: z.string() }) });
const listRow = z.object({ sys_id: z.string(), correlation_id: z.optional(z.string()) });
const listAnswer = z.object({ result: z.array(listRow) });
