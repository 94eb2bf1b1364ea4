import type { Author, Row } from '../row.ts';
import { RecordRefused } from '../store/refusals.ts';
import type { Store } from '../store/store.ts';
import { type Coalesced, findCoalesced, mapFields, type Outcome, RowRejected } from './map-row.ts';
import type { TransformMap } from './transform-map.ts';

/** What an `onBefore` script set on its way. */
export type ScriptVerdict = {
  /** `ignore = true`. */
  readonly ignore?: boolean;
  /** `error = true`, with `error_message`. */
  readonly error?: string;
  /** `status_message`. */
  readonly statusMessage?: string;
  /** Custom keys for the answer. */
  readonly response?: Readonly<Record<string, string>>;
};

/**
 * Stands for an `onBefore` transform script, since nothing is evaluated here. It sees the staging row and the values
 * for the target, which it may change, and what is about to happen.
 */
export type OnBeforeScript = (
  source: Row,
  target: Row,
  action: 'insert' | 'update',
) => ScriptVerdict | undefined;

/** The scripts by the name of their transform map. */
export type TransformScripts = Map<string, OnBeforeScript>;

/** What one transform needs in addition to the row. */
export type Transform = {
  readonly store: Store;
  readonly map: TransformMap;
  readonly by: Author;
  readonly script?: OnBeforeScript | undefined;
};

/** Makes a target record of a staging row, or says why not. A row that fails leaves nothing behind. */
export function transformRow(transform: Transform, source: Row): Outcome {
  try {
    return transform.store.attempt(() => apply(transform, source));
  } catch (cause) {
    if (cause instanceof RowRejected) return failed(cause.code, cause.message);
    if (cause instanceof RecordRefused) return failed('900', cause.message);
    throw cause;
  }
}

function apply(transform: Transform, source: Row): Outcome {
  const { store, map, by, script } = transform;
  if (!store.schema.table(map.targetTable)) throw new RowRejected('800', `Invalid table ${map.targetTable}`);
  const values = mapFields(store, map, source, by);
  const coalesced = findCoalesced(store, map, values);
  if (coalesced.kind === 'empty' && !map.createOnEmptyCoalesce) return skipped(coalesced);
  const existing = coalesced.kind === 'match' ? coalesced.row : undefined;
  const verdict = runScript(script, source, values, existing ? 'update' : 'insert');
  if (verdict?.error !== undefined) throw new RowRejected('900', verdict.error);
  if (verdict?.ignore) return ignoredByScript(verdict, existing);
  requireMandatory(transform, { ...existing, ...values });
  return withVerdict(write(transform, values, existing), verdict);
}

/** @throws RowRejected for whatever the script throws. */
function runScript(script: OnBeforeScript | undefined, ...given: Parameters<OnBeforeScript>) {
  try {
    return script?.(...given);
  } catch (cause) {
    throw new RowRejected('900', cause instanceof Error ? cause.message : String(cause));
  }
}

function write({ store, map, by }: Transform, values: Row, existing: Row | undefined): Outcome {
  if (!existing) {
    const inserted = store.insert(map.targetTable, values, by);
    return { state: 'inserted', sysId: inserted['sys_id'] ?? '', comment: '' };
  }
  const sysId = existing['sys_id'] ?? '';
  const updated = store.update(map.targetTable, sysId, values, by);
  if (updated?.changed) return { state: 'updated', sysId, comment: '' };
  return { state: 'ignored', sysId, comment: 'No field values changed' };
}

/** @throws RowRejected naming, by label, the mandatory columns that would be empty. */
function requireMandatory({ store, map }: Transform, after: Row): void {
  if (map.enforceMandatory === 'no') return;
  const mapped = new Set(map.fields.map((field) => field.target));
  const missing = store.schema
    .columns(map.targetTable)
    .filter((column) => column.mandatory && (after[column.name] ?? '') === '')
    .filter((column) => map.enforceMandatory === 'all' || mapped.has(column.name));
  if (missing.length === 0) return;
  const labels = missing.map((column) => column.label).join(', ');
  throw new RowRejected('900', `Data Policy Exception: The following fields are mandatory: ${labels}`);
}

function skipped(coalesced: Extract<Coalesced, { kind: 'empty' }>): Outcome {
  return {
    state: 'skipped',
    comment: `Row skipped: no value in coalesce field ${coalesced.fields.join(', ')}`,
  };
}

function failed(code: RowRejected['code'], message: string): Outcome {
  return { state: 'error', comment: message, error: { code, message } };
}

function ignoredByScript(verdict: ScriptVerdict, existing: Row | undefined): Outcome {
  const sysId = existing?.['sys_id'];
  const outcome = { state: 'ignored', comment: 'Row transform ignored by onBefore script' } as const;
  return withVerdict(sysId === undefined ? outcome : { ...outcome, sysId }, verdict);
}

/** What the script says comes first, as in the recorded `wwww;No field values changed`. */
function withVerdict(outcome: Outcome, verdict: ScriptVerdict | undefined): Outcome {
  if (!verdict) return outcome;
  const comment = [verdict.statusMessage, outcome.comment].filter(Boolean).join(';');
  return { ...outcome, comment, ...(verdict.response && { extra: verdict.response }) };
}
