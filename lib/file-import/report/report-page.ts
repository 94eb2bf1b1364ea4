import { type RowOutcome, rowOutcomes } from '../load/row-outcome.ts';
import { quotedName } from '../plan/column-text.ts';
import { actions, suggestion } from './report-advice.ts';
import { escapeHtml, link, number, reportStyle, table } from './report-html.ts';
import { type Sample, speedChart } from './speed-chart.ts';
import { arrivedRows, type ImportSummary, isAllWell } from './summary.ts';

/** What people call the outcomes. */
const labels: Readonly<Record<RowOutcome, string>> = {
  inserted: 'inserted',
  updated: 'updated',
  ignored: 'ignored',
  skipped: 'skipped',
  error: 'failed in ServiceNow',
  rejected: 'rejected before sending',
  unknown: 'unknown',
  notSent: 'not sent',
};

/**
 * `report.html`: one page that needs nothing from elsewhere and runs nothing. Links are relative: they lead to the files that
 * lie in the same folder, wherever that was copied to.
 */
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
${actions(summary)}
${figures(summary)}
${outcomeBar(summary)}
${messageTable(summary)}
${speedChart(samples, Date.parse(summary.startedAt))}
${suggestion(summary)}
${mappingTable(summary)}
${details(summary)}
</main>
</html>
`;
}

function stateOf(summary: ImportSummary): 'good' | 'mixed' | 'bad' {
  if (summary.status !== 'completed') return 'bad';
  return isAllWell(summary) && summary.lines.rows > 0 ? 'good' : 'mixed';
}

function headline(summary: ImportSummary): string {
  if (summary.status === 'refused') return 'Refused before the first row was sent';
  if (summary.status === 'stopped') return 'Stopped before the end';
  if (summary.status === 'superseded') return 'Superseded by a newer version of the file';
  if (summary.lines.rows === 0) return 'The file has no rows';
  return stateOf(summary) === 'good' ? 'Every row arrived' : 'Completed, some rows need a look';
}

/** The figures of an import that read rows; without any there is nothing to count. */
function figures(summary: ImportSummary): string {
  const { lines, counts, seconds, importSets } = summary;
  if (lines.rows === 0) return '';
  const arrived = arrivedRows(summary);
  const sent = lines.rows - counts.rejected - counts.notSent;
  const items: [string, string][] = [
    ['rows in the file', number.format(lines.rows)],
    ['arrived', number.format(arrived)],
    ['need a look', number.format(lines.rows - arrived)],
    ...(sent > 0 && seconds.loading > 0
      ? ([['sent per second', number.format(Math.max(1, Math.round(sent / seconds.loading)))]] as [
          string,
          string,
        ][])
      : []),
    ['duration', duration(seconds.total)],
    ...(importSets.count > 0
      ? ([['import sets', number.format(importSets.count)]] as [string, string][])
      : []),
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
  const body = messages.slice(0, 20).map(({ outcome, message, count, lines }) => {
    const known = rowOutcomes.find((one) => one === outcome);
    const tag = `<b class="${known ?? ''}"></b>${known ? labels[known] : escapeHtml(outcome)}`;
    return `<tr><td class="n">${number.format(count)}</td><td class="name">${tag}</td><td class="text">${escapeHtml(message) || '<em>no message</em>'}</td><td class="n lines">${lines.join(', ')}</td></tr>`;
  });
  return table(
    'Most frequent problems',
    ['rows', 'outcome', 'message', 'lines, for example'],
    body,
    'messages',
  );
}

function mappingTable({ file, status }: ImportSummary): string {
  if (status === 'refused' || !file?.columns || file.columns.length === 0) return '';
  const body = file.columns.map(
    ({ header, column }) =>
      `<tr><td>${header === '' ? '<em>no name</em>' : escapeHtml(quotedName(header).slice(1, -1))}</td><td>${column === undefined ? '<em>left out</em>' : `<code>${escapeHtml(column)}</code>`}</td></tr>`,
  );
  return table('Where the columns went', ['column of the file', 'staging column'], body, 'columns');
}

function details({
  source,
  instance,
  startedAt,
  finishedAt,
  results,
  executions,
  file,
  settings,
  stagingTable,
  targetTables,
}: ImportSummary): string {
  const facts: [string, string | undefined][] = [
    ['instance', instance ?? (settings && (settings.instance ?? "the deployment's first"))],
    ['staging table', stagingTable],
    ['target table', targetTables?.join(', ')],
    ['encoding', file?.encoding],
    ['delimiter', delimiterName(file?.delimiter)],
    ['file', `s3://${source.bucket}/${source.key}`],
    ['version', source.versionId ?? source.eTag],
    ['dropped', source.droppedAt],
    ['started', startedAt],
    ['finished', finishedAt],
    ['executions', String(executions)],
    ['settings', settings?.warnings?.join('; ')],
  ];
  const body = facts
    .filter(([, value]) => value !== undefined && value !== '')
    .map(
      ([name, value = '']) =>
        `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
    );
  const files = Object.entries(results)
    .filter(([name]) => name !== 'report')
    .map(([, key]) => link(key, key.split('/').at(-1) ?? key));
  if (files.length > 0) body.push(`<tr><th scope="row">results</th><td>${files.join(' · ')}</td></tr>`);
  return `<section><h2>Details</h2><table class="details"><tbody>${body.join('')}</tbody></table></section>`;
}

function delimiterName(delimiter: string | undefined): string | undefined {
  return delimiter === '\t' ? 'tab' : delimiter === ' ' ? 'blank' : delimiter;
}

function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
