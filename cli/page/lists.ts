import type { LedgerEntry } from '../../emulator/instance/ledger.ts';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { counted, figure, lasting } from '../counted.ts';
import { type Html, html, timeOf } from './html.ts';
import type { DeadLetterView, ImportView, StackView } from './stack-view.ts';

/** The imports as a table, in the order given. */
export function importTable(imports: readonly ImportView[]): Html {
  if (imports.length === 0) return html`<p class="empty">No file has been dropped.</p>`;
  const rows = imports.map(
    (one) => html`<tr>
      <td class="time"><time datetime="${one.startedAt}">${timeOf(one.startedAt)}</time></td>
      <td class="subject">${one.key.replace(/^imports\//, '')}</td>
      <td>${importState(one)}</td>
      <td class="n" data-name="rows ">${figure(one.rows)}</td>
      <td class="counts">${countsText(one.counts)}</td>
      <td class="link">${one.hasReport && html`<a href="/files/${`${one.folder}report.html`.split('/').map(encodeURIComponent).join('/')}">report</a>`}</td>
    </tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">file</th><th scope="col">state</th><th scope="col" class="n">rows</th><th scope="col">outcome of the rows</th><th scope="col" class="link">report</th></tr></thead><tbody>${rows}</tbody></table>`;
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

/** The dead letters as a table, in the order given. */
export function letterTable(letters: readonly DeadLetterView[]): Html {
  if (letters.length === 0) return html`<p class="empty">No dead letters.</p>`;
  const rows = letters.map(
    ({ at, code, reason, key }) =>
      html`<tr><td class="time"><time datetime="${at}">${timeOf(at)}</time></td><td class="subject">${key}</td><td class="bad code">${code}</td><td class="reason">${reason}</td></tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">key</th><th scope="col">code</th><th scope="col">reason</th></tr></thead><tbody>${rows}</tbody></table>
    <p><a href="/dead-letters">All dead letters, with bodies and redrive</a></p>`;
}

/** What the emulated instance was asked, as a table. */
export function requestTable(entries: readonly LedgerEntry[]): Html {
  if (entries.length === 0) return html`<p class="empty">The instance has seen no request.</p>`;
  const rows = entries.map(
    ({ at, method, path, status, durationMs, effects, faults }) => html`<tr>
      <td class="time"><time datetime="${at}">${timeOf(at)}</time></td>
      <td class="subject">${method} ${readable(path)}</td>
      <td class="n ${method !== 'JOB' && (status === 0 || status >= 400) ? 'bad' : ''}">${method === 'JOB' ? '' : status === 0 ? 'cut' : status}</td>
      <td>${effects.map(({ operation, count, table }) => `${operation} ${figure(count)} ${table}`).join(', ')}${faults.length > 0 && html` <span class="bad">${faults.join(', ')}</span>`}</td>
      <td class="n">${lasting(durationMs)}</td>
    </tr>`,
  );
  return html`<table><thead><tr><th scope="col">time</th><th scope="col">request</th><th scope="col" class="n">status</th><th scope="col">what it did</th><th scope="col" class="n">took</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const mostOfPath = 160;

/** A path as a person reads it. */
function readable(path: string): string {
  const text = path.replaceAll('+', ' ').replaceAll(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      // Cut in the middle of a character.
      return escaped;
    }
  });
  return text.length > mostOfPath ? `${text.slice(0, mostOfPath)}…` : text;
}

const shownFirst = ['incident', 'problem', 'change_request', 'sys_user', 'cmdb_ci_computer', 'imp_user'];

/** The tables that have rows, each as a link. */
export function tableList(view: StackView): Html {
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

/** Addresses to copy. @param isEmulator whether the functions talk to the emulated instance */
export function endpointList(endpoints: Endpoints, isEmulator: boolean): Html {
  const {
    api,
    instance,
    sqs,
    s3,
    lambda,
    secretsManager,
    dynamodb,
    eventBridge,
    sns,
    cloudWatch,
    securityHub,
  } = endpoints;
  const all: readonly (readonly [string, string | undefined])[] = [
    ['HTTP API', api],
    ['Instance', isEmulator ? instance.url : undefined],
    ['SQS', sqs.endpoint],
    ['Records queue', sqs.recordsQueueUrl],
    ['Dead letters', sqs.recordsDlqUrl],
    ['Events queue', sqs.eventsQueueUrl],
    ['Signals queue', sqs.signalsQueueUrl],
    ['EventBridge', eventBridge.endpoint],
    ['SNS', sns.endpoint],
    ['SNS topic', sns.topicArn],
    ['CloudWatch', cloudWatch.endpoint],
    ['Security Hub', securityHub.endpoint],
    ['S3', s3.endpoint],
    ['Bucket', s3.bucket],
    ['Lambda', lambda.endpoint],
    ['Secrets Manager', secretsManager.endpoint],
    ['DynamoDB', dynamodb.endpoint],
  ];
  const known = all.filter(([, value]) => value !== undefined);
  const rows = known.map(
    ([name, value]) =>
      html`<div><dt>${name}</dt><dd><code>${value}</code> <button class="copy" data-copy="${value}" aria-label="copy ${name}">copy</button></dd></div>`,
  );
  return html`<dl class="endpoints">${rows}</dl>`;
}
