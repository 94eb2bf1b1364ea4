import { figure, lasting } from '../counted.ts';
import type { StackEvent } from '../feed/feed.ts';
import { type Breaker, breakLabels, tries } from './actions.ts';
import { type Html, html, timeOf } from './html.ts';
import { importTable, letterTable, requestTable, tableList } from './lists.ts';
import type { ImportView, StackView } from './stack-view.ts';
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
    requests: isEmulated(data.view) ? requestTable(data.view.requests(15)) : ownInstance,
    tables: isEmulated(data.view) ? tableList(data.view) : ownInstance,
  };
}

const ownInstance = html`<p class="empty">The functions talk to your own instance: look there.</p>`;

/** Whether the functions talk to the emulated instance, and not to a person's own. */
export function isEmulated({ stack }: StackView): boolean {
  return stack.secretOwner === 'emulator';
}

function tiles({ view, totals, imports, breaker }: PageData): Html {
  const { calls } = totals;
  const queue = view.recordsQueue();
  const running = imports.filter(({ isRunning }) => isRunning);
  const letterCount = view.countDeadLetters();
  const oldest = queue.oldestMs === undefined ? 'empty' : `oldest ${lasting(queue.oldestMs)}`;
  return html`
    ${tile('HTTP', figure(calls.done + calls.refused + calls.failed), 'plain', `${figure(calls.done)} ok · ${figure(calls.refused)} refused · ${figure(calls.failed)} failed`)}
    ${tile('Records queue', figure(queue.waiting + queue.inFlight + queue.delayed), 'plain', `${oldest} · ${figure(queue.inFlight)} in flight · ${figure(queue.delayed)} delayed · ${figure(totals.messages)} received`)}
    ${tile('Dead letters', figure(letterCount), letterCount > 0 ? 'bad' : 'plain', letterCount > 0 ? html`<a href="/dead-letters">look and redrive</a>` : 'none')}
    ${tile('Imports', figure(running.length), 'plain', `running · ${figure(totals.imports.done)} completed · ${figure(totals.imports.refused + totals.imports.failed)} failed`)}
    ${isEmulated(view) ? instanceTile(view, breaker.active().length > 0) : tile('Instance', 'yours', 'plain', 'the functions talk to your own instance')}`;
}

function instanceTile({ stack }: StackView, isBroken: boolean): Html {
  const requests = `${figure(stack.instance.state.ledger.total)} requests`;
  return isBroken ? tile('Instance', 'broken', 'bad', requests) : tile('Instance', 'up', 'good', requests);
}

function tile(title: string, value: string, tone: 'plain' | 'good' | 'bad', detail: string | Html): Html {
  return html`<div class="tile"><h2>${title}</h2><p class="value ${tone}">${value}</p><p class="soft">${detail}</p></div>`;
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
    ${isEmulated(view) && html`<div><dt>records created on the instance</dt><dd>${figure(records)}</dd><dd class="soft">${largest.join(' · ')}</dd></div>`}
  </dl>
  ${wayTable(totals.ways)}`;
}

/** The same by way in: what was sent, and sent again, is the sum of what follows. */
function wayTable(ways: Totals['ways']): Html {
  const heads = ['sent', 'sent again', 'written', 'duplicates prevented', 'refused', 'put off'];
  const rows = Object.entries(ways).map(
    ([way, { sent, again, written, duplicates, refused, putOff }]) =>
      html`<tr><th scope="row">${way === 'HTTP' ? 'writes over HTTP' : 'messages'}</th>${[sent, again, written, duplicates, refused, putOff].map((count, i) => html`<td class="n" data-name="${heads[i]} ">${figure(count)}</td>`)}</tr>`,
  );
  return html`<table><thead><tr><th scope="col">way in</th>${heads.map((name) => html`<th scope="col" class="n">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
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

/** The colour of an outcome. */
export function toneOf({ outcome }: StackEvent): 'good' | 'warn' | 'bad' {
  return tones[outcome];
}

/** A sign next to the colour, since not everyone can see the difference. */
const signs = { good: '✓', warn: '↻', bad: '✗' } as const;

function eventTable(events: readonly StackEvent[], isProblemsOnly: boolean): Html {
  if (events.length === 0)
    return html`<p class="empty">${isProblemsOnly ? 'No problems.' : 'Nothing has come in yet. Press a button of “Try”, or paste a command.'}</p>`;
  const rows = grouped(events).slice(0, shownRows).map(eventRow);
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">in</th><th scope="col">what</th><th scope="col">outcome</th><th scope="col" class="n">took</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const shownRows = 40;

/** Neighbours of one batch that came to the same, the newest first. */
function grouped(events: readonly StackEvent[]): StackEvent[][] {
  const groups: StackEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    const before = last?.[0];
    const isAlike =
      before?.requestId === event.requestId &&
      before.outcome === event.outcome &&
      before.table === event.table &&
      before.reason === event.reason;
    if (last && isAlike && event.way === 'SQS') last.push(event);
    else groups.push([event]);
  }
  return groups;
}

function eventRow(group: readonly StackEvent[]): Html {
  const [event] = group;
  if (!event) return html``;
  const tone = toneOf(event);
  const isOne = group.length === 1;
  const what = isOne
    ? html`<a href="/events/${event.id}" data-detail>${shortened(event.subject)}</a>`
    : html`<a href="/batches/${encodeURIComponent(event.requestId)}" data-detail>${figure(group.length)} messages</a>`;
  const text =
    isOne || tone !== 'good'
      ? outcomeText(event)
      : event.outcome === 'done'
        ? 'written'
        : 'duplicates prevented';
  return html`<tr>
      <td class="time"><time datetime="${event.at}">${timeOf(event.at)}</time></td>
      <td class="way">${event.way}</td>
      <td class="subject">${what}${event.table !== undefined && event.way === 'SQS' && html` <span class="soft">${shortened(event.table)}</span>`}</td>
      <td class="outcome ${tone}"><span aria-hidden="true">${signs[tone]}</span> ${text}</td>
      <td class="n">${lasting(event.durationMs)}</td>
    </tr>`;
}

/** A name that came from outside may be as long as a message. */
function shortened(name: string): string {
  return name.length > 80 ? `${name.slice(0, 79)}…` : name;
}

function brokenNow(breaker: Breaker): Html {
  const active = breaker.active();
  if (active.length === 0)
    return html`<p class="soft">The instance works normally. Break it and watch: nothing is lost, nothing is written twice.</p>`;
  const lines = active.map(
    // A time, not a countdown: what changes each second is read out, and drawn, each second.
    ({ label, until }) => html`<li>${label} <span class="soft">until ${timeOf(until)}</span></li>`,
  );
  return html`<ul class="bad">${lines}</ul><form method="post" action="/repair" data-live><button class="quiet">Repair it now</button></form>`;
}

/** Asks the person on whose own instance a form writes. */
export const consent = html`<label><input type="checkbox" name="sure" value="yes" required> write to my own instance</label>`;

/** The buttons of “Try” and “Break the instance”. @param isOwn whether they write to a person's own instance, who has to agree */
export function buttons(kind: 'try' | 'break', isOwn = false): Html {
  const labels =
    kind === 'try'
      ? Object.entries(tries).map(([name, { label }]) => [name, label])
      : Object.entries(breakLabels);
  const all = labels.map(([name, label]) => html`<button name="what" value="${name}">${label}</button>`);
  return html`<form method="post" action="/${kind}" class="${kind}" data-live>${isOwn && consent}${all}</form>`;
}
