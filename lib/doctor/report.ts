import type { Finding } from './finding.ts';

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
