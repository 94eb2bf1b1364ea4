import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import { AbortedByRule, DataPolicyException } from './refusals.ts';

type Condition = Readonly<Record<string, readonly string[]>> | undefined;

/** Whether every named column of the row holds one of the values. */
export const matches = (row: Row, when: Condition) =>
  Object.entries(when ?? {}).every(([column, values]) => values.includes(row[column] ?? ''));

/**
 * @param isOn whether the switch that a policy names, if any, is on.
 * @throws DataPolicyException naming, by label, every column that a policy wants and the row leaves empty.
 */
export function enforcePolicies(
  schema: Schema,
  table: string,
  row: Row,
  isOn: (policy: { readonly switch?: 'incidentClosePolicy' }) => boolean,
): void {
  const wanted = schema
    .ancestry(table)
    .flatMap((at) => at.policies ?? [])
    .filter((policy) => isOn(policy) && matches(row, policy.when))
    .flatMap((policy) => policy.mandatory);
  requireValues(schema, table, row, wanted);
}

/** @throws DataPolicyException naming, by label, the columns that the row leaves empty. */
export function requireValues(schema: Schema, table: string, row: Row, columns: readonly string[]): void {
  const missing = [...new Set(columns)].filter((column) => (row[column] ?? '') === '');
  if (missing.length === 0) return;
  throw new DataPolicyException(missing.map((column) => schema.column(table, column)?.label ?? column));
}

/** @throws AbortedByRule when a business rule of the table, or of one above it, refuses the operation. */
export function runRules(
  schema: Schema,
  table: string,
  operation: 'insert' | 'update' | 'delete',
  row: Row,
): void {
  for (const rule of schema.ancestry(table).flatMap((at) => at.rules ?? [])) {
    if (rule.on.includes(operation) && matches(row, rule.when)) throw new AbortedByRule(table, rule);
  }
}
