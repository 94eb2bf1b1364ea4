import { ConnectorError } from '../core/errors.ts';

/** What one look at a deployment gave. */
export type Finding = {
  /** What was looked at: `secret`, `reach`, `table incident`, … */
  readonly subject: string;
  /** `look` means it may be meant so; `failed` means it does not work. */
  readonly state: 'ok' | 'look' | 'failed' | 'skipped';
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
};

/** All is well with this. */
export function ok(subject: string, found: string): Finding {
  return { subject, state: 'ok', found };
}

/** Works, but somebody should look at it. */
export function look(subject: string, found: string, todo: string): Finding {
  return { subject, state: 'look', found, todo };
}

/** An error as a finding. Messages of our errors say what to do and hold no secret; of any other only the kind is told. */
export function failed(subject: string, error: unknown, todo?: string): Finding {
  const known = error instanceof ConnectorError;
  const found = known
    ? `${error.code}: ${error.message}`
    : `unexpected ${error instanceof Error ? error.name : 'error'}`;
  const advice = todo ?? (known ? error.advice : undefined);
  return { subject, state: 'failed', found, ...(advice ? { todo: advice } : {}) };
}
