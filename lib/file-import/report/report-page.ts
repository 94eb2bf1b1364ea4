import { type RowOutcome, rowOutcomes } from '../load/row-outcome.ts';
import { reportStyle } from './report-style.ts';
import { type Sample, speedChart } from './speed-chart.ts';
import { arrivedRows, type ImportSummary, isAllWell } from './summary.ts';

/** What people call the outcomes. */
const labels: Readonly<Record<RowOutcome, string>> = {
  inserted: 'inserted',
  updated: 'updated',
  ignored: 'unchanged',
  skipped: 'skipped',
  error: 'failed in ServiceNow',
  rejected: 'rejected before sending',
  unknown: 'unknown',
  notSent: 'not sent',
};

const number = new Intl.NumberFormat('en-US');

/** `report.html`: one page that needs nothing from elsewhere and runs nothing. */
export function renderReport(summary: ImportSummary, samples: readonly Sample[]): string {
  const file = summary.source.key.split('/').at(-1) ?? summary.source.key;
  const title = escapeHtml(`${file} → ${summary.stagingTable}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${reportStyle}</style>
<main>
<header>
<p class="state ${stateOf(summary)}">${escapeHtml(headline(summary))}</p>
<h1>${title}</h1>
${summary.reason === undefined ? '' : `<p class="reason">${escapeHtml(summary.reason)}</p>`}
</header>
${figures(summary)}
${outcomeBar(summary)}
${speedChart(samples, Date.parse(summary.startedAt))}
${messageTable(summary)}
${details(summary)}
</main>
</html>
`;
}

function stateOf(summary: ImportSummary): 'good' | 'mixed' | 'bad' {
  if (summary.status !== 'completed') return 'bad';
  return isAllWell(summary) ? 'good' : 'mixed';
}

function headline(summary: ImportSummary): string {
  if (summary.status === 'refused') return 'Refused before the first row was sent';
  if (summary.status === 'stopped') return 'Stopped before the end';
  if (summary.status === 'superseded') return 'Superseded by a newer version of the file';
  if (summary.lines.rows === 0) return 'The file has no rows';
  return stateOf(summary) === 'good' ? 'Every row arrived' : 'Completed, some rows need a look';
}

function figures(summary: ImportSummary): string {
  const { lines, seconds, importSets } = summary;
  const arrived = arrivedRows(summary);
  const perSecond = seconds.loading > 0 ? Math.round(lines.rows / seconds.loading) : lines.rows;
  const items = [
    ['rows in the file', number.format(lines.rows)],
    ['arrived', number.format(arrived)],
    ['need a look', number.format(lines.rows - arrived)],
    ['rows per second', number.format(perSecond)],
    ['duration', duration(seconds.total)],
    ['import sets', number.format(importSets.count)],
  ];
  const list = items.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('');
  return `<dl class="figures">${list}</dl>`;
}

function outcomeBar({ counts, lines }: ImportSummary): string {
  const present = rowOutcomes.filter((outcome) => counts[outcome] > 0);
  if (present.length === 0) return '';
  const share = (outcome: RowOutcome) => (100 * counts[outcome]) / Math.max(1, lines.rows);
  const parts = present.map((one) => `<i class="${one}" style="flex-grow:${counts[one]}"></i>`).join('');
  const legend = present
    .map((one) => {
      const percent = share(one) < 0.1 ? '&lt; 0.1' : percentText(share(one));
      return `<li><b class="${one}"></b>${labels[one]} <strong>${number.format(counts[one])}</strong> <span>${percent} %</span></li>`;
    })
    .join('');
  return `<section><h2>Outcome</h2><div class="bar">${parts}</div><ul class="legend">${legend}</ul></section>`;
}

/** Never 100.0 while a row is missing from it. */
function percentText(percent: number): string {
  return (percent < 100 ? Math.min(percent, 99.9) : percent).toFixed(1);
}

function messageTable({ messages }: ImportSummary): string {
  if (messages.length === 0) return '';
  const rows = messages.slice(0, 20).map(({ outcome, message, count, lines }) => {
    const known = rowOutcomes.find((one) => one === outcome);
    const tag = `<b class="${known ?? ''}"></b>${known ? labels[known] : escapeHtml(outcome)}`;
    return `<tr><td class="n">${number.format(count)}</td><td class="name">${tag}</td><td class="text">${escapeHtml(message) || '<em>no message</em>'}</td><td class="n">${lines.join(', ')}</td></tr>`;
  });
  const head =
    '<tr><th class="n">rows</th><th>outcome</th><th>message</th><th class="n">for example lines</th></tr>';
  return `<section><h2>Most frequent problems</h2><div class="wide"><table>${head}${rows.join('')}</table></div></section>`;
}

function details({ source, startedAt, finishedAt, results, executions }: ImportSummary): string {
  const rows = [
    ['file', `s3://${source.bucket}/${source.key}`],
    ['version', source.versionId ?? source.eTag],
    ['dropped', source.droppedAt],
    ['started', startedAt],
    ['finished', finishedAt],
    ['executions', String(executions)],
    ...Object.entries(results),
  ];
  const body = rows
    .map(([name = '', value = '']) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
    .join('');
  return `<section><h2>Details</h2><div class="wide"><table class="details">${body}</table></div></section>`;
}

function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Text as HTML shows it, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
