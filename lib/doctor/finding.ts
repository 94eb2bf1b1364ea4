import { ConnectorError } from '../core/errors.ts';

/** The result of one check of a deployment. */
export type Finding = {
  /** What was checked: `secret`, `reach`, `table incident`, … */
  readonly subject: string;
  /** `warning` means that it works but may not be intended; `failed` means that it does not work. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
};

/** This works. */
export function ok(subject: string, found: string): Finding {
  return { subject, state: 'ok', found };
}

/** This works, but an operator should check it. */
export function warning(subject: string, found: string, todo: string): Finding {
  return { subject, state: 'warning', found, todo };
}

/** This does not work. */
export function broken(subject: string, found: string, todo: string): Finding {
  return { subject, state: 'failed', found, todo };
}

/** An error as a finding. The messages of our own errors hold no secret; of any other error only the name is shown. */
export function failed(subject: string, error: unknown, todo?: string): Finding {
  const known = error instanceof ConnectorError;
  const found = known
    ? `${error.code}: ${error.message}`
    : `unexpected ${error instanceof Error ? error.name : 'error'}`;
  const advice = todo ?? (known ? error.advice : undefined);
  return { subject, state: 'failed', found, ...(advice ? { todo: advice } : {}) };
}

const marks: Readonly<Record<Finding['state'], string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failed: 'FAILED',
  skipped: 'skipped',
};

/** The findings as a table for people: state, subject, what was found, and what to do below it. */
export function formatReport(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap(({ subject, state, found, todo }) => {
    const line = `${marks[state].padEnd(8)} ${subject.padEnd(width)}  ${found}`;
    return todo ? [line, `${' '.repeat(width + 9)}  → ${todo}`] : [line];
  });
  return `${[...lines, '', summary(findings)].join('\n')}\n`;
}

/** True when nothing failed. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ state }) => state !== 'failed');
}

function summary(findings: readonly Finding[]): string {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const warnings = count('warning') === 1 ? '1 warning' : `${count('warning')} warnings`;
  if (!isHealthy(findings)) return `${count('failed')} failed, ${warnings}.`;
  return count('warning') > 0 ? `No failures, ${warnings}.` : 'No problems found.';
}
