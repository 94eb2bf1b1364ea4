import { applyEdits, format } from 'jsonc-parser';
import type { LedgerEntry } from '../../emulator/instance/ledger.ts';
import type { Row } from '../../emulator/instance/row.ts';
import { counted, figure, lasting } from '../counted.ts';
import type { StackEvent } from '../feed/feed.ts';
import { parseJson } from '../feed/read-answer.ts';
import { isSendable, makesAnother } from './actions.ts';
import { type Html, html, timeOf } from './html.ts';
import { endpointList, importTable } from './lists.ts';
import { buttons, consent, isEmulated, outcomeText, type PageData, sections, toneOf } from './sections.ts';
import type { DeadLetterView, ImportView, TableView } from './stack-view.ts';

/** The links to the pages. */
export const navigation = html`<nav aria-label="Pages"><a href="/">Overview</a> <a href="/dead-letters">Dead letters</a> <a href="/imports">Imports</a> <a href="/tables">Records</a> <a href="/openapi">API</a></nav>`;

/** A whole page. @param title what it shows; the program's name is added */
export function layout(title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · servicenow-functions</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><p class="name"><a href="/">servicenow-functions</a> <span id="state" class="good" role="status">● running</span></p>
${navigation}</header>
<p id="notice" role="status" aria-live="polite"></p>
<main id="main">${content}</main>
<dialog id="detail" aria-label="Detail"><form method="dialog"><button class="quiet" aria-label="close">✕</button></form><p class="notice" role="status" aria-live="polite"></p><div></div></dialog>
</body>
</html>`;
}

const current = html` aria-current="true"`;

/** The first page. Its sections are replaced by page.js as they change. */
export function overviewPage(data: PageData): Html {
  const all = sections(data);
  const section = (id: string) => html`<div id="${id}" data-section>${all[id]}</div>`;
  const only = data.isProblemsOnly;
  return layout(
    'Overview',
    html`<h1 class="unseen">Overview</h1>
<section class="tiles" id="tiles" data-section aria-label="At a glance">${all['tiles']}</section>
<section aria-label="The promise" class="promise">${section('promise')}</section>
<div class="columns">
<section><h2>What happened <span class="filter"><a href="/"${only ? '' : current}>all</a> <a href="/?only=problems"${only ? current : ''}>problems</a></span></h2>${section('events')}</section>
<aside>
<section><h2>Try</h2>${buttons('try', !isEmulated(data.view))}</section>
${isEmulated(data.view) && html`<section><h2>Break the instance</h2>${buttons('break')}${section('broken')}</section>`}
</aside>
</div>
<section><h2>Imports</h2>${section('imports')}</section>
<section><h2>Dead letters</h2>${section('letters')}</section>
<section><h2>What reached ServiceNow</h2>${section('requests')}</section>
<section><h2>Records of the instance</h2>${section('tables')}</section>
<section><h2>Endpoints</h2>${endpointList(data.view.stack.endpoints, isEmulated(data.view))}</section>`,
  );
}

/** One event: what came in, what it came to, and the log lines of its invocation. */
export function eventContent(
  event: StackEvent,
  lines: readonly string[],
  requests: readonly LedgerEntry[],
  isEmulator: boolean,
): Html {
  const { record } = event;
  const recordName = record && `${record.table} ${record.number ?? record.sysId}`;
  const facts: readonly (readonly [string, string | Html | undefined])[] = [
    ['Outcome', html`<span class="${toneOf(event)}">${outcomeText(event)}</span>`],
    ['Time', html`<time datetime="${event.at}">${event.at}</time>, took ${lasting(event.durationMs)}`],
    [
      'Came in by',
      [event.way, event.functionKey && `function ${event.functionKey}`].filter(Boolean).join(', '),
    ],
    [
      'Record',
      record && isEmulator
        ? html`<a href="/tables/${record.table}/${record.sysId}">${recordName}</a>`
        : recordName,
    ],
    ['Receives', event.attempts === undefined ? undefined : String(event.attempts)],
    ['Message id', event.messageId],
    ['Correlation id', event.requestId],
    [
      'Transaction ids',
      requests
        .map(({ transactionId }) => transactionId)
        .filter(Boolean)
        .join(', ') || undefined,
    ],
  ];
  const again = makesAnother(event) && 'It has no Idempotency-Key: sent again, it makes another record.';
  const shown = facts.filter(([, value]) => value !== undefined && value !== '');
  return html`<h1>${event.subject}</h1>
<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${event.body !== undefined && html`<h2>Body</h2>${event.isBodyCut && html`<p class="soft">It is long: only its beginning is kept, so that it cannot be sent again from here.</p>`}<pre tabindex="0">${pretty(event.body)}</pre>`}
${isSendable(event) && html`<form method="post" action="/events/${event.id}/send-again" data-live>${!isEmulator && consent}<button${again && html` aria-describedby="again"`}>Send again</button>${again && html`<p class="soft" id="again">${again}</p>`}</form>`}
<h2>Log</h2>${lines.length === 0 ? html`<p class="empty">No log line is kept for it.</p>` : html`<pre tabindex="0">${lines.map(pretty).join('\n')}</pre>`}`;
}

/** The messages that one invocation handled. */
export function batchContent(events: readonly StackEvent[]): Html {
  const items = events.map(
    (event) =>
      html`<li><a href="/events/${event.id}" data-detail>${event.subject}</a> <span class="${toneOf(event)}">${outcomeText(event)}</span></li>`,
  );
  return html`<h1>${counted(events.length, 'message')} in one batch</h1><ul>${items}</ul>`;
}

/** All dead letters, with the way back. */
export function deadLettersContent(
  letters: readonly DeadLetterView[],
  codes: ReadonlyMap<string, number>,
  isOwn: boolean,
): Html {
  const total = [...codes.values()].reduce((sum, count) => sum + count, 0);
  const redriveButtons = [...codes].map(
    ([code, count]) => html`<button name="code" value="${code}">Redrive ${figure(count)} ${code}</button>`,
  );
  const entries = letters.map(
    ({ queue, at, code, reason, key, messageId, requestId, body }) => html`<article id="letter-${messageId}">
<h3><span class="bad">${code}</span> ${key}</h3><p>${reason}</p>
<p class="soft"><time datetime="${at}">${timeOf(at)}</time> · ${queue} · message ${messageId}${requestId && html` · request ${requestId}`}</p>
<details><summary>Body</summary><pre tabindex="0">${pretty(body)}</pre></details></article>`,
  );
  if (letters.length === 0) return html`<h1>Dead letters</h1><p class="empty">No dead letters.</p>`;
  return html`<h1>Dead letters</h1><p>${counted(total, 'message')} that could not be written${total > letters.length && `; the newest ${letters.length} are shown`}. Correct what they name, then send them back: their keys keep them from being written twice.</p>
<form method="post" action="/redrive" data-live data-reload>${isOwn && consent}<button name="code" value="">Redrive all</button>${redriveButtons}</form>
${entries}`;
}

/** The page of all imports. */
export function importsContent(imports: readonly ImportView[]): Html {
  return html`<h1>Imports</h1><section>${importTable(imports)}</section>`;
}

/** The page of all tables of the emulated instance. */
export function tablesContent(tables: readonly TableView[]): Html {
  const rows = tables.map(
    ({ name, label, rows: count }) =>
      html`<tr><td><a href="/tables/${name}">${name}</a></td><td>${label}</td><td class="n">${figure(count)}</td></tr>`,
  );
  return html`<h1>Records of the emulated instance</h1><section><table><thead><tr><th scope="col">table</th><th scope="col">label</th><th scope="col" class="n">rows</th></tr></thead><tbody>${rows}</tbody></table></section>`;
}

/** The newest records of a table. */
export function recordsContent(
  table: string,
  columns: readonly string[],
  rows: readonly Row[],
  total: number,
): Html {
  const heads = columns.map((name) => html`<th scope="col">${name}</th>`);
  const lines = rows.map(
    (row) =>
      html`<tr>${columns.map((name, i) => html`<td>${i === 0 ? html`<a href="/tables/${table}/${row['sys_id']}">${row[name] || row['sys_id']}</a>` : (row[name] ?? '')}</td>`)}</tr>`,
  );
  return html`<h1>${table}</h1><p>${counted(total, 'record')}${total > rows.length && `, the newest ${rows.length} first`}.</p>
<section class="wide"><table><thead><tr>${heads}</tr></thead><tbody>${lines}</tbody></table></section>`;
}

/** Every column of a record that is not empty, and the requests that wrote it. */
export function recordContent(table: string, row: Row, requests: readonly LedgerEntry[]): Html {
  const filled = Object.entries(row).filter(([, value]) => value !== '');
  const empty = Object.keys(row).length - filled.length;
  const facts = filled.map(
    ([name, value]) => html`<tr><th scope="row">${name}</th><td class="value">${value}</td></tr>`,
  );
  const writes = requests.map(
    ({ at, method, path, transactionId }) =>
      html`<li><time datetime="${at}">${timeOf(at)}</time> ${method} ${path} <span class="soft">${transactionId}</span></li>`,
  );
  return html`<h1>${row['number'] || row['name'] || row['sys_id'] || table}</h1><p><a href="/tables/${table}">${table}</a></p>
<section><table class="record"><tbody>${facts}</tbody></table>${empty > 0 && html`<p class="soft">${counted(empty, 'empty column')} not shown</p>`}</section>
${writes.length > 0 && html`<section><h2>Written by</h2><ul>${writes}</ul></section>`}`;
}

/** A page that says one thing. */
export function messageContent(title: string, text: string): Html {
  return html`<h1>${title}</h1><p>${text}</p><p><a href="/">Overview</a></p>`;
}

/** Each value as it was sent: only the white space around it changes. */
function pretty(text: string): string {
  if (parseJson(text) === undefined) return text;
  return applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2 }));
}
