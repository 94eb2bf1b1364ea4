import { stringifyValue } from '../../fields/stringify-value.ts';
import type { Answer, Exchange, User } from '../../http/exchange.ts';
import { Failure } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import type { Row } from '../../store/row.ts';
import { resultEntries } from '../../transform/result-entry.ts';
import { linkBase } from './link-base.ts';
import { readFlatObject } from './read-object.ts';
import { stagingTableOf, takesImportRows } from './staging-table.ts';

/** `POST /api/now/import/{stagingTable}`: one row, transformed at once; the answer tells how each map fared. */
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
    // Rows of an asynchronous set wait until somebody says that it is loaded.
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
 * Whoever may not read the maps is told 500 although the row was taken (KB0791757); whoever may not read the row is
 * told nothing but that (KB3047115).
 */
function asSeenBy(user: User, answer: Answer, table: string, { auth: { access } }: InstanceState): Answer {
  if (!access.may(user, 'read', 'sys_transform_map'))
    throw new Failure(500, 'null value in entry: transform_map=null');
  return access.may(user, 'read', table) ? answer : { status: answer.status };
}

/** Nothing was taken, so that there is neither a row nor a map to tell of. */
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
