import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import type { Row } from '../../store/row.ts';
import type { MapOutcome } from '../../transform/import-sets.ts';
import type { Outcome } from '../../transform/outcome.ts';
import { pendingEntry, resultEntry } from '../../transform/result-entry.ts';
import { transformMapsOf } from '../../transform/transform-map.ts';
import { linkBase } from './link-base.ts';
import { requireStagingTable } from './staging-table.ts';

/**
 * `GET /api/now/import/{stagingTable}/{sys_id}`: how the transform of a staging row went. The row keeps what the last
 * map made of it, so that map's entry is what is answered.
 */
export function getResult(exchange: Exchange, state: InstanceState): Answer {
  const table = requireStagingTable(state.schema, exchange.segments[1] ?? '');
  const sysId = exchange.segments[2] ?? '';
  const row = state.store.find(table, sysId);
  if (!row) throw noRecordFound();
  const set = state.store.find('sys_import_set', row['sys_import_set'] ?? '');
  const settled = settledBy(row, table, state);
  const base = linkBase(exchange);
  const place = { table, sysId };
  const entry = settled
    ? resultEntry(state.store, settled, place, base)
    : pendingEntry(state.store, place, base);
  return { status: 200, json: { import_set: set?.['number'] ?? '', staging_table: table, result: [entry] } };
}

function settledBy(row: Row, table: string, state: InstanceState): MapOutcome | undefined {
  const map = transformMapsOf(state.store, table).find((known) => known.sysId === row['sys_transform_map']);
  const settledState = stateOf(row['sys_import_state'] ?? '');
  if (!map || !settledState) return undefined;
  const comment = row['sys_import_state_comment'] ?? '';
  const sysId = row['sys_target_sys_id'] ?? '';
  const outcome: Outcome = {
    state: settledState,
    comment,
    ...(sysId !== '' && { sysId }),
    ...(settledState === 'error' && { error: { code: '900', message: comment } }),
  };
  return { map, outcome };
}

function stateOf(value: string): Outcome['state'] | undefined {
  const states: readonly Outcome['state'][] = ['inserted', 'updated', 'ignored', 'skipped', 'error'];
  return states.find((state) => state === value);
}
