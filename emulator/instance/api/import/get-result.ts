import type { Answer, Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import type { Row } from '../../store/row.ts';
import type { MapOutcome } from '../../transform/import-sets.ts';
import type { Outcome } from '../../transform/outcome.ts';
import { resultEntries } from '../../transform/result-entry.ts';
import { transformMapsOf } from '../../transform/transform-map.ts';
import { linkBase } from './link-base.ts';
import { stagingTableOf } from './staging-table.ts';

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
  const outcomes = state.imports.outcomesOf(sysId) ?? settledBy(row, table, state);
  const result = resultEntries(state.store, outcomes, { table, sysId }, linkBase(exchange));
  return { status: 200, json: { import_set: set?.['number'] ?? '', staging_table: table, result } };
}

/** What the row itself tells. */
function settledBy(row: Row, table: string, state: InstanceState): MapOutcome[] {
  const map = transformMapsOf(state.store, table).find((known) => known.sysId === row['sys_transform_map']);
  const settledState = stateOf(row['sys_import_state'] ?? '');
  if (!map || !settledState) return [];
  const comment = row['sys_import_state_comment'] ?? '';
  const sysId = row['sys_target_sys_id'] ?? '';
  const outcome: Outcome = {
    state: settledState,
    comment,
    ...(sysId !== '' && { sysId }),
    ...(settledState === 'error' && { error: { code: '900', message: comment } }),
  };
  return [{ map, outcome }];
}

function stateOf(value: string): Outcome['state'] | undefined {
  const states: readonly Outcome['state'][] = ['inserted', 'updated', 'ignored', 'skipped', 'error'];
  return states.find((state) => state === value);
}
