import type { LedgerEntry } from '../../emulator/instance/control/ledger.ts';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import type { StackEvent } from '../feed/feed.ts';
import { type Break, type Breaker, breaks, tries } from './actions.ts';
import { counted, figure, type Html, html, lasting, timeOf } from './html.ts';
import type { DeadLetterView, ImportView, StackView } from './stack-view.ts';
import type { Totals } from './tally.ts';

/** What the sections of the first page are made of. */
export type PageData = {
  readonly view: StackView;
  readonly totals: Totals;
  readonly events: readonly StackEvent[];
  readonly imports: readonly ImportView[];
  readonly breaker: Breaker;
  /** Only what did not go well. */
  readonly isProblemsOnly: boolean;
};

/** The parts of the first page that change, by the id of their element. */
export function sections(data: PageData): Readonly<Record<string, Html>> {
  return {
    tiles: tiles(data),
    promise: promise(data),
    events: eventTable(data.events, data.isProblemsOnly),
    broken: brokenNow(data.breaker),
    imports: importTable(data.imports),
    letters: letterTable(data.view.deadLetters().slice(0, 10)),
    requests: requestTable(data.view.requests(15)),
    tables: tableList(data.view),
  };
}

function tiles({ view, totals, imports, breaker }: PageData): Html {
  const { calls } = totals;
  const queue = view.recordsQueue();
  const letters = view.deadLetterQueue();
  const running = imports.filter(({ isRunning }) => isRunning);
  const broken = breaker.active();
  const letterCount = letters.waiting + letters.inFlight + letters.delayed;
  const oldest = queue.oldestMs === undefined ? 'empty' : `oldest ${lasting(queue.oldestMs)}`;
  return html`
    ${tile('HTTP', figure(calls.done + calls.refused + calls.failed), 'plain', `${figure(calls.done)} ok · ${figure(calls.refused)} refused · ${figure(calls.failed)} failed`)}
    ${tile('Records queue', figure(queue.waiting + queue.inFlight + queue.delayed), 'plain', `${oldest} · ${figure(queue.inFlight)} in flight · ${figure(queue.delayed)} delayed · ${figure(totals.messages)} received`)}
    ${tile('Dead letters', figure(letterCount), letterCount > 0 ? 'bad' : 'plain', letterCount > 0 ? html`<a href="/dead-letters">look and redrive</a>` : 'none')}
    ${tile('Imports', figure(running.length), 'plain', `running · ${figure(totals.imports.done)} completed · ${figure(totals.imports.refused + totals.imports.failed)} not`)}
    ${tile('Instance', broken.length > 0 ? 'broken' : 'up', broken.length > 0 ? 'bad' : 'good', `${figure(view.stack.instance.state.ledger.total)} requests`)}`;
}

function tile(title: string, value: string, tone: 'plain' | 'good' | 'bad', detail: string | Html): Html {
  return html`<div class="tile"><h3>${title}</h3><p class="value ${tone}">${value}</p><p class="soft">${detail}</p></div>`;
}

/** The promise in four numbers. */
function promise({ view, totals }: PageData): Html {
  const created = view.created();
  const records = created.reduce((sum, [, count]) => sum + count, 0);
  const largest = created.slice(0, 4).map(([table, count]) => `${figure(count)} ${table}`);
  return html`<dl>
    <div><dt>messages received</dt><dd>${figure(totals.messages)}</dd></div>
    <div><dt>delivered again</dt><dd>${figure(totals.redelivered)}</dd></div>
    <div><dt>duplicates prevented</dt><dd>${figure(totals.duplicates)}</dd></div>
    <div><dt>records created on the instance</dt><dd>${figure(records)}</dd><dd class="soft">${largest.join(' · ')}</dd></div>
  </dl>`;
}

const tones: Readonly<Record<StackEvent['outcome'], 'good' | 'warn' | 'bad'>> = {
  done: 'good',
  duplicate: 'good',
  started: 'good',
  deferred: 'warn',
  refused: 'bad',
  failed: 'bad',
  'dead-lettered': 'bad',
};

/** What an event came to, in words. */
export function outcomeText(event: StackEvent): string {
  const { outcome, status, code, reason, record, detail, delaySeconds } = event;
  const reached = record && (record.number ?? record.sysId);
  const why = [code, reason].filter(Boolean).join(': ');
  const texts: Readonly<Record<StackEvent['outcome'], string>> = {
    done: [status, reached, detail].filter(Boolean).join(' · ') || 'done',
    duplicate: `duplicate prevented${reached ? ` · ${reached}` : ''}`,
    started: detail ?? 'started',
    deferred: `comes back in ${delaySeconds ?? 0} s · ${why}`,
    refused: [status, why, detail].filter(Boolean).join(' · '),
    failed: [status, why].filter(Boolean).join(' · ') || 'failed',
    'dead-lettered': `dead letter · ${why}`,
  };
  return texts[outcome];
}

export function toneOf({ outcome }: StackEvent): 'good' | 'warn' | 'bad' {
  return tones[outcome];
}

/** A sign beside the colour, which not everyone can tell. */
const signs = { good: '✓', warn: '↻', bad: '✗' } as const;

function eventTable(events: readonly StackEvent[], isProblemsOnly: boolean): Html {
  if (events.length === 0)
    return html`<p class="empty">${isProblemsOnly ? 'No problems.' : 'Nothing has come in yet. Press a button of “Try”, or paste a command.'}</p>`;
  const rows = events.map(
    (event) => html`<tr>
      <td class="time"><time datetime="${event.at}">${timeOf(event.at)}</time></td>
      <td>${event.way}</td>
      <td class="subject"><a href="/events/${event.id}" data-detail>${event.subject}</a>${event.table !== undefined && event.way === 'SQS' && html` <span class="soft">${event.table}</span>`}</td>
      <td class="${toneOf(event)}"><span aria-hidden="true">${signs[toneOf(event)]}</span> ${outcomeText(event)}</td>
      <td class="n">${lasting(event.durationMs)}</td>
    </tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">in</th><th scope="col">what</th><th scope="col">outcome</th><th scope="col" class="n">took</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function brokenNow(breaker: Breaker): Html {
  const active = breaker.active();
  if (active.length === 0)
    return html`<p class="soft">The instance is whole. Break it and watch: nothing is lost, nothing is written twice.</p>`;
  const lines = active.map(
    ({ label, secondsLeft }) => html`<li>${label} <span class="soft">${secondsLeft} s left</span></li>`,
  );
  return html`<ul class="bad">${lines}</ul><form method="post" action="/mend" data-live><button class="quiet">Mend it now</button></form>`;
}

/** The buttons of “Try” and “Break the instance”. */
export function buttons(kind: 'try' | 'break'): Html {
  const actions: Readonly<Record<string, { readonly label: string } | Break>> =
    kind === 'try' ? tries : breaks;
  const all = Object.entries(actions).map(
    ([name, { label }]) => html`<button name="what" value="${name}">${label}</button>`,
  );
  return html`<form method="post" action="/${kind}" class="${kind}" data-live>${all}</form>`;
}

export function importTable(imports: readonly ImportView[]): Html {
  if (imports.length === 0) return html`<p class="empty">No file has been dropped.</p>`;
  const rows = imports.map(
    (one) => html`<tr>
      <td class="time"><time datetime="${one.startedAt}">${timeOf(one.startedAt)}</time></td>
      <td class="subject">${one.key.replace(/^imports\//, '')}</td>
      <td>${importState(one)}</td>
      <td class="n">${figure(one.rows)}</td>
      <td>${countsText(one.counts)}</td>
      <td>${one.hasReport && html`<a href="/files/${encodeURI(`${one.folder}report.html`)}">report</a>`}</td>
    </tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">file</th><th scope="col">state</th><th scope="col" class="n">rows</th><th scope="col">outcome of the rows</th><th scope="col">report</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function importState({ status, isRunning, progress, reason }: ImportView): Html {
  if (isRunning)
    return html`${status} <progress max="${Math.max(1, progress?.total ?? 1)}" value="${progress?.read ?? 0}" aria-label="bytes read"></progress>`;
  const tone = status === 'completed' ? 'good' : 'bad';
  return html`<span class="${tone}">${status}</span>${reason !== undefined && html` <span class="soft">${reason}</span>`}`;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const named = Object.entries(counts).filter(([, count]) => count > 0);
  return named.map(([outcome, count]) => `${figure(count)} ${outcome}`).join(' · ');
}

function letterTable(letters: readonly DeadLetterView[]): Html {
  if (letters.length === 0) return html`<p class="empty">No dead letters.</p>`;
  const rows = letters.map(
    ({ at, code, reason, key }) =>
      html`<tr><td class="time"><time datetime="${at}">${timeOf(at)}</time></td><td class="subject">${key}</td><td class="bad">${code}</td><td>${reason}</td></tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">key</th><th scope="col">code</th><th scope="col">reason</th></tr></thead><tbody>${rows}</tbody></table>
    <p><a href="/dead-letters">All dead letters, with bodies and redrive</a></p>`;
}

function requestTable(entries: readonly LedgerEntry[]): Html {
  if (entries.length === 0) return html`<p class="empty">The instance has seen no request.</p>`;
  const rows = entries.map(
    ({ at, method, path, status, durationMs, effects, faults }) => html`<tr>
      <td class="time"><time datetime="${at}">${timeOf(at)}</time></td>
      <td class="subject">${method} ${path}</td>
      <td class="n ${method !== 'JOB' && (status === 0 || status >= 400) ? 'bad' : ''}">${method === 'JOB' ? '' : status === 0 ? 'cut' : status}</td>
      <td>${effects.map(({ operation, count, table }) => `${operation} ${figure(count)} ${table}`).join(', ')}${faults.length > 0 && html` <span class="bad">${faults.join(', ')}</span>`}</td>
      <td class="n">${lasting(durationMs)}</td>
    </tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">request</th><th scope="col" class="n">status</th><th scope="col">what it did</th><th scope="col" class="n">took</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const shownFirst = ['incident', 'problem', 'change_request', 'sys_user', 'cmdb_ci_computer', 'imp_user'];

function tableList(view: StackView): Html {
  const tables = view.tables();
  const first = tables
    .filter(({ name }) => shownFirst.includes(name) || !name.startsWith('sys_'))
    .slice(0, 24);
  const links = first.map(
    ({ name, rows }) =>
      html`<li><a href="/tables/${name}">${name}</a> <span class="soft">${figure(rows)}</span></li>`,
  );
  return html`<ul class="tables">${links}</ul><p><a href="/tables">${counted(tables.length, 'table')} with rows</a></p>`;
}

/** Addresses to copy. */
export function endpointList({ api, instance, sqs, s3, lambda, secretsManager, dynamodb }: Endpoints): Html {
  const all: readonly (readonly [string, string])[] = [
    ['HTTP API', api],
    ['Instance', instance.url],
    ['SQS', sqs.endpoint],
    ['Records queue', sqs.recordsQueueUrl],
    ['Dead letters', sqs.recordsDlqUrl],
    ['S3', s3.endpoint],
    ['Bucket', s3.bucket],
    ['Lambda', lambda.endpoint],
    ['Secrets Manager', secretsManager.endpoint],
    ['DynamoDB', dynamodb.endpoint],
  ];
  const rows = all.map(
    ([name, value]) =>
      html`<div><dt>${name}</dt><dd><code>${value}</code> <button class="copy" data-copy="${value}" aria-label="copy ${name}">copy</button></dd></div>`,
  );
  return html`<dl class="endpoints">${rows}</dl>`;
}
