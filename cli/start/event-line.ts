import type { StackEvent } from '../feed/feed.ts';
import { plain } from '../terminal-text.ts';

/**
 * One event as one line: `21:44:58  SQS   alarm-7 → INC0010012  84 ms`; `✗` and the reason for what failed.
 * What callers sent cannot reach the terminal as control characters.
 */
export function eventLine(event: StackEvent): string {
  const time = new Date(event.at).toTimeString().slice(0, 8);
  return [time, event.way.padEnd(6), plain(`${what(event)}${tookText(event)}`)].join('  ');
}

function what(event: StackEvent): string {
  const { subject, table, outcome, status, attempts = 1 } = event;
  const again = attempts > 1 ? ` (receive ${attempts})` : '';
  switch (outcome) {
    case 'done':
      return `${subject} → ${result(event)}${again}`;
    case 'duplicate':
      return `${subject} → ${result(event)}, had been written before${again}`;
    case 'started':
      return `${subject} → ${table ?? 'import'}, started`;
    case 'deferred':
      return `… ${subject}: ${why(event)} → again in ${event.delaySeconds ?? '?'} s${again}`;
    case 'dead-lettered':
      return `✗ ${subject}: ${why(event)} → dead letter${again}`;
    case 'refused':
    case 'failed':
      return `✗ ${subject}: ${[status, why(event)].filter(Boolean).join(' ')}${again}`;
  }
}

function result({ record, detail, table, status, way }: StackEvent): string {
  if (record) return record.number ?? `${record.table} ${record.sysId}`;
  if (detail !== undefined) return way === 'S3' && table !== undefined ? `${table}: ${detail}` : detail;
  return table !== undefined && way === 'SQS' ? table : String(status ?? 'done');
}

function why({ code, reason, table, way }: StackEvent): string {
  const facts = [code, reason && shortened(reason)].filter(Boolean).join(' ');
  return [way === 'SQS' ? table : undefined, facts || 'no reason given'].filter(Boolean).join(' ');
}

function tookText({ durationMs, outcome }: StackEvent): string {
  if (outcome === 'started' || durationMs === 0) return '';
  return durationMs < 10_000 ? `  ${durationMs} ms` : `  ${(durationMs / 1000).toFixed(1)} s`;
}

const maxReason = 160;

function shortened(text: string): string {
  return text.length > maxReason ? `${text.slice(0, maxReason - 1)}…` : text;
}
