import type { Row } from '../store/row.ts';

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
