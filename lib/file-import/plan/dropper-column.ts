import { lastingId } from '../../core/caller.ts';
import { ConfigurationError } from '../../core/errors.ts';
import { columnLength } from './column-text.ts';
import type { RowPlan } from './import-plan.ts';
import { constantTarget } from './map-columns.ts';
import type { ImportSettings } from './settings.ts';
import type { StagingTable } from './staging-table.ts';

/**
 * The rows with who dropped their file in one more column, whatever the file and its settings give for it. A staging table without that
 * column gets none.
 * @param column as the deployment names it (param callerColumn)
 * @param droppedBy as S3 attests it
 * @throws ConfigurationError when the column is too short, or carries the row key
 */
export function withDropper(
  row: RowPlan,
  staging: StagingTable,
  settings: ImportSettings,
  { column, droppedBy }: { readonly column: string | undefined; readonly droppedBy: string | undefined },
): RowPlan {
  const found = staging.columns.find(({ name }) => name === column?.toLowerCase());
  if (!found || droppedBy === undefined) return row;
  const value = lastingId(droppedBy);
  const target = constantTarget(found, staging, settings);
  if (row.rowKey?.jsonKey === target.jsonKey)
    throw new ConfigurationError('callerColumn', `${found.name} is the keyColumn of _import.json`);
  if (found.maxLength > 0 && columnLength(value) > found.maxLength)
    throw new ConfigurationError(
      'callerColumn',
      `${found.name} takes ${found.maxLength} characters, the id of who dropped the file has ${columnLength(value)}`,
    );
  return {
    ...row,
    targets: row.targets.map((one) => (one?.jsonKey === target.jsonKey ? null : one)),
    constants: [...row.constants.filter(([jsonKey]) => jsonKey !== target.jsonKey), [target.jsonKey, value]],
    constantTargets: [
      ...(row.constantTargets ?? []).filter(({ jsonKey }) => jsonKey !== target.jsonKey),
      target,
    ],
  };
}
