import { InvalidInputError, mayHaveTakenEffect } from '../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { AccessDeniedError, InsertRefusedError, RecordNotFoundError } from '../servicenow/errors.ts';
import type { ApiVersion } from '../servicenow/names.ts';
import { createRequest, deleteRequest } from '../servicenow/records.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';
import type { OperationDeps } from './define-operation.ts';
import { type Found, findByCorrelationId, findBySysId, isThereByWrite } from './find-record.ts';
import type { Identity } from './identity.ts';
import { lookWhetherIgnored } from './ignored-sys-id.ts';
import { type Keyed, type KeyedWrites, KeyReusedError, outcomeInDoubt, writeOnce } from './keyed-writes.ts';
import type { RecordColumns } from './record-input.ts';
import { createdSysId, rememberNotesOf } from './remember-notes.ts';
import { replayRecord } from './replay.ts';
import {
  createDigest,
  createMaker,
  isCreate,
  meetAt,
  otherMakerMs,
  refuseUntil,
  writesIn,
} from './write-ledger.ts';

/** A create that its caller may repeat under the same key. */
export type KeyedCreate = {
  readonly table: string;
  readonly version?: ApiVersion | undefined;
  readonly record: RecordColumns;
  readonly key: string;
  /** True when no caller gave the key: then nothing but the sys_id may be added to the record. */
  readonly isImplicit: boolean;
};

/**
 * Creates a record once per key. A repeat answers 200 with the record as it now is, `idempotency-replayed: true`, and names in
 * `idempotency-differs` the columns whose values are not the given ones.
 *
 * The key gives the sys_id, so that the instance itself refuses a second copy (docs/servicenow-contract.md 1.6). Where a table
 * refuses or ignores a given sys_id, the write is remembered by its key instead.
 * @param request the create as it would be sent without a key
 * @throws InvalidInputError for a record with an identity of its own
 * @throws OutcomeUnknownError while it is not known whether the record was created
 */
export async function createKeyed(
  request: ServiceNowRequest,
  create: KeyedCreate,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const identity = deps.identityOf(create.table, create.key);
  if (identity.kind === 'correlation_id') return createRemembered(request, create, identity, deps);
  refuseOwnIdentity(create.record, identity.kind);
  if (await isKnownToIgnore(create.table, deps)) return createRemembered(request, create, undefined, deps);
  const [isGone, use] = await Promise.all([
    isDeleted(identity.sysId, create, deps),
    useOf(create, identity.sysId, deps),
  ]);
  if (use === 'made-elsewhere') return createRemembered(request, create, undefined, deps);
  if (isGone) return afterDelete(request, create, identity.sysId, deps);
  if (use === 'other') return afterOtherUse(request, create, identity.sysId, deps);
  return createBySysId(request, create, identity.sysId, deps);
}

/** One of our deletes has removed the record, whichever way it came. */
async function isDeleted(
  sysId: string,
  { isImplicit }: KeyedCreate,
  { ledger }: OperationDeps,
): Promise<boolean> {
  const mark = await ledger?.records.now(sysId).catch((error: unknown) => {
    // A caller who gave no key asked for no protection that could refuse the call.
    if (isImplicit) return undefined;
    throw error;
  });
  return mark?.isDeleted ?? false;
}

/**
 * What is known of the key, whichever way its write came: `other` is no create; `made-elsewhere` is one whose record is not under
 * the sys_id of the key.
 */
async function useOf(
  { table, key, isImplicit }: KeyedCreate,
  sysId: string,
  deps: OperationDeps,
): Promise<'other' | 'made-elsewhere' | undefined> {
  const { ledger, keyedWrites } = deps;
  if (!ledger) return (await keyedWrites.read(nameOf(table, key, deps))) && 'made-elsewhere';
  const effect = await ledger.effectNow(table, key).catch((error: unknown) => {
    if (isImplicit) return undefined;
    throw error;
  });
  if (effect === undefined) return undefined;
  if (!isCreate(effect)) return isImplicit ? undefined : 'other';
  return effect.sysId.toLowerCase() === sysId ? undefined : 'made-elsewhere';
}

/** Where the key has made its record before it was used otherwise, this is a repeat. @throws KeyReusedError where it has not */
async function afterOtherUse(
  request: ServiceNowRequest,
  create: KeyedCreate,
  sysId: string,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { kind } = await findBySysId(create.table, sysId, deps);
  if (kind === 'visible') return replayRecord(request, { ...create, sysId }, deps);
  if (kind === 'hidden') return hiddenRecord({ sys_id: sysId }, false);
  throw new KeyReusedError();
}

/** A record that was deleted since is not made again; one that a person has restored is there. */
async function afterDelete(
  request: ServiceNowRequest,
  create: KeyedCreate,
  sysId: string,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { kind } = await findBySysId(create.table, sysId, deps);
  if (kind === 'visible') return replayRecord(request, { ...create, sysId }, deps);
  const headers = { 'idempotency-replayed': 'true', 'idempotency-deleted': 'true' };
  return { status: 200, headers, body: { result: { sys_id: sysId } }, attempts: 1 };
}

/** The column that holds the key cannot hold anything else. */
function refuseOwnIdentity(record: RecordColumns, column: Identity['kind']): void {
  if (record[column] === undefined) return;
  throw new InvalidInputError(
    `record.${column}`,
    'is derived from the key; give what identifies the record as the key',
  );
}

async function createBySysId(
  request: ServiceNowRequest,
  create: KeyedCreate,
  sysId: string,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const sent = withColumns(request, create, { sys_id: sysId });
  const sentAtMs = deps.clock.now();
  let response: ServiceNowResponse;
  try {
    response = await deps.client.send(sent, deps.context);
  } catch (error) {
    const answer = await afterFailure(error, request, create, sysId, deps);
    // Otherwise it was made, and remembered, before.
    if (mayHaveTakenEffect(error)) await rememberNotesOf({ ...noted(create, deps), sysId, sentAtMs }, deps);
    return answer;
  }
  const made = createdSysId(response);
  await rememberNotesOf({ ...noted(create, deps), sysId: made ?? sysId, sentAtMs }, deps);
  if (made !== undefined && made.toLowerCase() !== sysId) return afterIgnored(response, create, made, deps);
  if (made !== undefined) honouring(deps).add(create.table.toLowerCase());
  if (response.isRepeat) await deps.ledger?.records.keepDeletesAway(sysId, deps.clock.now() + deps.inDoubtMs);
  // A delete may have come in between: then this was no first copy.
  if (!(await isDeleted(sysId, create, deps))) return response;
  await deps.client
    .send(deleteRequest({ table: create.table, sysId }), deps.context)
    .catch((error: unknown) => {
      if (!(error instanceof RecordNotFoundError)) throw error;
    });
  return afterDelete(request, create, sysId, deps);
}

/** Concludes only what the instance says: while it may be working on the create, a record that is not there may still come. */
async function afterFailure(
  error: unknown,
  request: ServiceNowRequest,
  create: KeyedCreate,
  sysId: string,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  if (!(error instanceof ServiceNowError) || !error.recordMayExist) throw error;
  const isLost = error.effect === 'unknown';
  const doubt = (cause: unknown) =>
    create.isImplicit ? error : outcomeInDoubt(deps.clock.now() + deps.inDoubtMs, deps.clock, cause);
  const found = await findBySysId(create.table, sysId, deps).catch(async (cause: unknown): Promise<Found> => {
    if (!isLost) throw cause;
    await keepAway(sysId, false, deps).catch(() => undefined);
    throw doubt(cause);
  });
  if (isLost) await keepAway(sysId, found.kind !== 'absent', deps);
  // Another copy may have made it a moment ago.
  const isUnseen =
    found.kind === 'absent' &&
    error instanceof InsertRefusedError &&
    (await isThereByWrite(create.table, sysId, deps));
  if (found.kind === 'visible' || isUnseen) return replayRecord(request, { ...create, sysId }, deps);
  // A refused insert means that the sys_id is taken, and nothing but this key gives this sys_id.
  if (found.kind === 'hidden' || (found.kind === 'unknown' && error instanceof InsertRefusedError))
    return hiddenRecord({ sys_id: sysId }, error instanceof AccessDeniedError);
  if (error.isReadBackDenial)
    return found.kind === 'absent' ? uncountedRecord(sysId) : hiddenRecord({ sys_id: sysId }, true);
  throw isLost ? doubt(error) : error;
}

/** The lost copy may still be running: deletes wait until it is over, and all writes where the record may be its own. */
async function keepAway(
  sysId: string,
  isMade: boolean,
  { ledger, clock, inDoubtMs }: OperationDeps,
): Promise<void> {
  const untilMs = clock.now() + inDoubtMs;
  await (isMade
    ? ledger?.records.keepDeletesAway(sysId, untilMs)
    : ledger?.records.keepAllAway(sysId, untilMs));
}

/**
 * The record exists, but the user may not read it back.
 * @param known what is known of it
 */
function hiddenRecord(known: Readonly<Record<string, string>>, isFirst: boolean): ServiceNowResponse {
  const headers: Record<string, string> = isFirst ? {} : { 'idempotency-replayed': 'true' };
  return { status: isFirst ? 201 : 200, headers, body: { result: known }, attempts: 1 };
}

/** The record was made, but the instance does not count it under its sys_id: the table may ignore that, or the look-up lags. */
function uncountedRecord(sysId: string): ServiceNowResponse {
  const warning =
    'the user may not read the record, and the instance does not count it under the sys_id of the key; a repeat may make another if the table ignores a given sys_id: then add it to correlationIdTables';
  const response = hiddenRecord({ sys_id: sysId }, true);
  return { ...response, headers: { 'idempotency-warning': warning } };
}

/**
 * The instance created the record under another sys_id, so that it would create one for every repeat. This one is remembered by
 * its key, and so is what the table does.
 */
async function afterIgnored(
  response: ServiceNowResponse,
  { table, key, isImplicit }: KeyedCreate,
  made: string,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const now = deps.clock.now();
  const applied = { state: 'applied', digest: createDigest, sentAtMs: now, untilMs: now } as const;
  const look = lookWhetherIgnored(table, made, now, (asked) => deps.client.send(asked, deps.context));
  // A caller who has the answer does not repeat the call; an error would make him.
  await Promise.allSettled([
    createsOf(table, key, deps).remember(nameOf(table, key, deps), { ...applied, target: made }),
    look.then(async ({ isIgnored, hasCorrelationId }) => {
      if (!isIgnored) return;
      // The records queue goes by the correlation_id in the tables of its ledger.
      if (deps.ledger && hasCorrelationId) await deps.ledger.rememberThatTableIgnoresSysId(table);
      else await deps.keyedWrites.remember(ignoringName(table, deps), { ...applied, target: '' });
    }),
  ]);
  if (isImplicit) return response;
  const warning =
    'the instance made the record under another sys_id than that of the key; if it does so for each record of the table, add it to correlationIdTables';
  return { ...response, headers: { ...response.headers, 'idempotency-warning': warning } };
}

/**
 * Creates a record with a sys_id that the caller gave, without a key. After a lost answer it is sent again only where the table
 * was seen to take a given sys_id: one that ignores it would make a second record.
 */
export async function createWithOwnSysId(
  request: ServiceNowRequest,
  table: string,
  sysId: string,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const known = honouring(deps);
  const name = table.toLowerCase();
  const sent = known.has(name) ? request : ({ ...request, repeatable: 'never' } as const);
  const response = await deps.client.send(sent, deps.context).catch(async (error: unknown) => {
    if (mayHaveTakenEffect(error)) await keepAway(sysId, false, deps).catch(() => undefined);
    throw error;
  });
  if (response.isRepeat) await keepAway(sysId, true, deps).catch(() => undefined);
  const made = createdSysId(response)?.toLowerCase();
  if (made === sysId.toLowerCase()) known.add(name);
  else if (made !== undefined) known.delete(name);
  return response;
}

/** Tables that were seen to take a given sys_id; per client, which stands for an instance. */
const honouringTables = new WeakMap<object, Set<string>>();

function honouring({ client }: OperationDeps): Set<string> {
  const known = honouringTables.get(client) ?? new Set<string>();
  honouringTables.set(client, known);
  return known;
}

async function isKnownToIgnore(table: string, deps: OperationDeps): Promise<boolean> {
  if (honouring(deps).has(table.toLowerCase())) return false;
  if (await deps.ledger?.ignoresSysId(table)) return true;
  return (await deps.keyedWrites.read(ignoringName(table, deps))) !== undefined;
}

function ignoringName(table: string, { instanceName }: OperationDeps): string {
  return JSON.stringify([instanceName, 'ignores sys_id', table.toLowerCase()]);
}

/** Where the creates of a key are remembered. */
function createsOf(table: string, key: string, { keyedWrites, ledger }: OperationDeps): KeyedWrites {
  const create = { table, key, write: 'create', digest: createDigest, earlierDigests: [] } as const;
  return ledger ? writesIn(ledger, keyedWrites, create) : keyedWrites;
}

function nameOf(table: string, key: string, { instanceName }: OperationDeps): string {
  return JSON.stringify([instanceName, 'create', table.toLowerCase(), key]);
}

/**
 * Creates a record that its sys_id cannot stand for: the key is remembered before the create is sent.
 * @param identity how the record can be found; without one, only the answer shows it
 */
function createRemembered(
  request: ServiceNowRequest,
  create: KeyedCreate,
  identity: Extract<Identity, { kind: 'correlation_id' }> | undefined,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { table, record, isImplicit } = create;
  const correlationId = isImplicit ? undefined : identity?.correlationId;
  if (correlationId !== undefined) refuseOwnIdentity(record, 'correlation_id');
  const columns: Record<string, string> =
    correlationId === undefined ? {} : { correlation_id: correlationId };
  const look = async (): Promise<Found> =>
    correlationId === undefined ? { kind: 'unknown' } : findByCorrelationId(table, correlationId, deps);
  const replay = async (sysId: string) => {
    if (sysId === '') return hiddenRecord(columns, false);
    if (await isDeleted(sysId, create, deps)) return afterDelete(request, create, sysId, deps);
    return replayRecord(request, { ...create, sysId }, deps);
  };
  const keyed: Keyed<ServiceNowResponse> = {
    name: nameOf(table, create.key, deps),
    digest: createDigest,
    async send() {
      // It may have been created before keys were remembered, or by a message with the same key.
      const metAt = columns['correlation_id'] ?? textOf(record['correlation_id']);
      const { ledger, clock } = deps;
      const meeting = ledger && metAt !== '' ? await meetAt(ledger, table, metAt, clock) : undefined;
      const earlier = correlationId === undefined ? ({ kind: 'absent' } as const) : await look();
      if (earlier.kind === 'visible') return { answer: await replay(earlier.sysId), target: earlier.sysId };
      if (earlier.kind === 'hidden') return { answer: await replay(''), target: '' };
      const untilMs = deps.context.deadline.atMs + deps.inDoubtMs;
      const isReserved = await meeting?.reserve(makerOf(create, deps), untilMs);
      // A record of its own is made whatever others make.
      if (isReserved === false && correlationId !== undefined)
        refuseUntil(deps.clock.now() + otherMakerMs, deps.clock);
      try {
        const sentAtMs = deps.clock.now();
        const response = await deps.client.send(withColumns(request, create, columns), deps.context);
        const target = createdSysId(response);
        await rememberNotesOf({ ...noted(create, deps), sysId: target, sentAtMs }, deps);
        return { answer: response, target: target ?? '' };
      } catch (error) {
        // Forgotten as a refusal, it would be made once more by the repeat.
        if (!(error instanceof ServiceNowError && error.isReadBackDenial)) {
          if (isReserved && !mayHaveTakenEffect(error)) await meeting?.release();
          throw error;
        }
        return { answer: hiddenRecord(columns, true), target: '' };
      }
    },
    replay,
    async reconcile() {
      const found = await look();
      if (found.kind === 'absent' || found.kind === 'unknown') return found.kind;
      return { target: found.kind === 'visible' ? found.sysId : '' };
    },
  };
  return writeOnce(keyed, { ...deps, keyedWrites: createsOf(table, create.key, deps) });
}

/** Under which name the notes of a create are remembered. */
function noted({ table, record, key }: KeyedCreate, { ledger }: OperationDeps) {
  return { table, record, name: ledger?.nameOf(table, key) };
}

function makerOf({ table, key }: KeyedCreate, { ledger }: OperationDeps): string {
  return createMaker(ledger?.nameOf(table, key) ?? key);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function withColumns(
  { query, headers }: ServiceNowRequest,
  { table, version, record }: KeyedCreate,
  columns: RecordColumns,
): ServiceNowRequest {
  return createRequest({ table, version, parameters: query, headers, record: { ...record, ...columns } });
}
