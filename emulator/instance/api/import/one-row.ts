import { stringifyValue } from '../../fields/input.ts';
import type { Answer, Exchange, User } from '../../http/exchange.ts';
import { Failure, noRecordFound } from '../../http/failure.ts';
import type { Row } from '../../row.ts';
import type { Schema } from '../../schema/schema.ts';
import type { InstanceState } from '../../state.ts';
import type { Store } from '../../store/store.ts';
import type { MapOutcome } from '../../transform/import-sets.ts';
import type { Outcome } from '../../transform/map-row.ts';
import { transformMapsOf } from '../../transform/transform-map.ts';
import { readFlatObject, stagingTableOf, takesImportRows } from './request.ts';

/** Origin and `/api/now` as the caller addressed it, with his version segment. */
function linkBase(exchange: Pick<Exchange, 'url' | 'version'>): string {
  const version = exchange.version === undefined ? '' : `/${exchange.version}`;
  return `${exchange.url.origin}/api/now${version}`;
}

/** Where a row stands when it has no target record. */
type StagingPlace = { readonly table: string; readonly sysId: string };

/**
 * `result` of the answer about a row: one entry per transform map, or, when none has reached it yet, one that points to
 * the staging row. `base` is the origin and `/api/now`, with the version the caller used.
 */
function resultEntries(
  store: Store,
  outcomes: readonly MapOutcome[],
  staging: StagingPlace,
  base: string,
): Row[] {
  if (outcomes.length === 0) return [pendingEntry(store, staging, base)];
  return outcomes.map((outcome) => resultEntry(store, outcome, staging, base));
}

/** One entry of `result` in the answer to a single row: what one transform map made of it (docs/servicenow-contract.md 4.1). */
function resultEntry(store: Store, entry: MapOutcome, staging: StagingPlace, base: string): Row {
  const { map, outcome } = entry;
  const place = outcome.sysId === undefined ? staging : { table: map.targetTable, sysId: outcome.sysId };
  const display = displayOf(store, place);
  return {
    transform_map: map.name,
    table: place.table,
    ...display,
    record_link: `${base}/table/${place.table}/${place.sysId}`,
    status: outcome.state,
    sys_id: place.sysId,
    ...(outcome.comment !== '' && { status_message: outcome.comment }),
    ...(outcome.error && { error_message: outcome.error.message }),
    ...outcome.extra,
  };
}

/** The entry of a row that no transform has reached yet: it points to the staging row itself. */
function pendingEntry(store: Store, staging: StagingPlace, base: string): Row {
  return {
    table: staging.table,
    ...displayOf(store, staging),
    record_link: `${base}/table/${staging.table}/${staging.sysId}`,
    status: 'pending',
    sys_id: staging.sysId,
  };
}

function displayOf(store: Store, place: StagingPlace): { display_name: string; display_value: string } {
  const name = displayName(store.schema, place.table);
  return { display_name: name, display_value: store.find(place.table, place.sysId)?.[name] ?? '' };
}

/** The display column, or for a staging table the row number. */
function displayName(schema: Schema, table: string): string {
  const column = schema.displayColumn(table);
  return column === 'sys_id' && schema.column(table, 'sys_import_row') ? 'sys_import_row' : column;
}

/** `POST /api/now/import/{stagingTable}`: one row, transformed at once; the answer has the result of each map. */
export function insertRow(exchange: Exchange, state: InstanceState): Answer {
  const asked = exchange.segments[1] ?? '';
  if (state.switches.invalidStagingTableAsRowError && !takesImportRows(state.schema, asked))
    return failedRow('', asked, 'Invalid staging table', state);
  const table = stagingTableOf(exchange, state);
  const { imports, store } = state;
  state.auth.access.require(exchange.user, 'create', table);
  const values = stringified(readFlatObject(exchange));
  const answer = store.transaction((): Answer => {
    const set = imports.loadingSet(table, exchange.user);
    const [sysId] = imports.append(set, [values], exchange.user);
    if (sysId === undefined) return tooLong(set.number, table, state);
    // Rows of an asynchronous set wait until the set is marked as loaded.
    const outcomes = set.mode === 'asynchronous' ? [] : imports.transform(set, sysId, exchange.user);
    imports.saveRuns(set);
    const base = linkBase(exchange);
    const result = resultEntries(store, outcomes, { table, sysId }, base);
    const failed = outcomes.some(({ outcome }) => outcome.state === 'error');
    return {
      status: failed ? state.switches.failedRowStatus : 201,
      headers: { Location: `${base}/import/${table}/${sysId}` },
      json: { import_set: set.number, staging_table: table, result },
    };
  });
  return asSeenBy(exchange.user, answer, table, state);
}

/**
 * Users who may not read the maps get a 500 although the row was taken (KB0791757); users who may not read the row
 * get a 201 without a body (KB3047115).
 */
function asSeenBy(user: User, answer: Answer, table: string, { auth: { access } }: InstanceState): Answer {
  if (!access.may(user, 'read', 'sys_transform_map'))
    throw new Failure(500, 'null value in entry: transform_map=null');
  return access.may(user, 'read', table) ? answer : { status: answer.status };
}

/** The row was not taken, so that the answer has neither a row nor a map. */
function tooLong(importSet: string, table: string, state: InstanceState): Answer {
  const message = `Row is longer than ${state.switches.maxStagingRowBytes} bytes and was skipped`;
  return failedRow(importSet, table, message, state);
}

function failedRow(importSet: string, table: string, message: string, { switches }: InstanceState): Answer {
  const result = [{ table, status: 'error', error_message: message }];
  return { status: switches.failedRowStatus, json: { import_set: importSet, staging_table: table, result } };
}

/** The caller's values for the staging table's own columns, and the comment that the state's own is appended to. */
function stringified(body: Record<string, unknown>): Row {
  const own = Object.entries(body).filter(
    ([name]) => !name.startsWith('sys_') || name === 'sys_import_state_comment',
  );
  return Object.fromEntries(own.map(([name, value]) => [name, stringifyValue(value)]));
}

/**
 * `GET /api/now/import/{stagingTable}/{sys_id}`: how the transform of a staging row went. The row itself keeps
 * what the last map made of it; what several maps made is remembered for the latest rows.
 */
export function getResult(exchange: Exchange, state: InstanceState): Answer {
  const table = stagingTableOf(exchange, state);
  const sysId = exchange.segments[2] ?? '';
  const row = state.store.find(table, sysId);
  if (!row || !state.auth.access.may(exchange.user, 'read', table, row)) throw noRecordFound();
  const set = state.store.find('sys_import_set', row['sys_import_set'] ?? '');
  const outcomes = state.imports.outcomesOf(sysId) ?? outcomesFromRow(row, table, state);
  const result = resultEntries(state.store, outcomes, { table, sysId }, linkBase(exchange));
  return { status: 200, json: { import_set: set?.['number'] ?? '', staging_table: table, result } };
}

/** The outcome as the row itself holds it. */
function outcomesFromRow(row: Row, table: string, state: InstanceState): MapOutcome[] {
  const map = transformMapsOf(state.store, table).find((known) => known.sysId === row['sys_transform_map']);
  const importState = stateOf(row['sys_import_state'] ?? '');
  if (!map || !importState) return [];
  const comment = row['sys_import_state_comment'] ?? '';
  const sysId = row['sys_target_sys_id'] ?? '';
  const outcome: Outcome = {
    state: importState,
    comment,
    ...(sysId !== '' && { sysId }),
    ...(importState === 'error' && { error: { code: '900', message: comment } }),
  };
  return [{ map, outcome }];
}

function stateOf(value: string): Outcome['state'] | undefined {
  const states: readonly Outcome['state'][] = ['inserted', 'updated', 'ignored', 'skipped', 'error'];
  return states.find((state) => state === value);
}
