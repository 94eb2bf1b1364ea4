import { counted, lasting } from '../counted.ts';
import { progressLine } from '../import/progress-view.ts';
import { plain } from '../terminal-text.ts';
import { typed } from '../typed.ts';
import type { LastOutcome } from './last-outcomes.ts';
import type { ImportStatus, Status } from './read-status.ts';

/** The lines that a person reads. */
export function describeStatus(status: Status): readonly string[] {
  const { place, stack, queues, deadLetters, imports, lastOutcomes } = status;
  const width = Math.max(...queues.map(({ name }) => name.length), 'dead letters'.length) + 2;
  const row = (name: string, text: string) => `  ${name.padEnd(width)}${text}`;
  return [
    `${stack ? `${plain(stack.name)} (${stack.state})` : place.replace(/^the /, 'The ')}, ${new Date().toISOString().slice(11, 19)} UTC`,
    ...queues.map((queue) => row(queue.name, describeQueue(queue))),
    row('dead letters', describeLetters(deadLetters)),
    ...describeLetterQueues(deadLetters),
    ...describeImports(imports, row),
    ...(lastOutcomes.length === 0 ? [] : ['  last outcomes', ...lastOutcomes.map(describeOutcome)]),
  ];
}

function describeQueue({ visible, inFlight, delayed, oldestSeconds }: Status['queues'][number]): string {
  const late = delayed === 0 ? '' : `, ${delayed} delayed`;
  const isEmpty = visible + inFlight + delayed === 0;
  const oldest =
    isEmpty || oldestSeconds === undefined
      ? ''
      : `, oldest ${oldestSeconds < 120 ? `${oldestSeconds} s` : lasting(oldestSeconds * 1_000)}`;
  return `${visible} waiting, ${inFlight} in flight${late}${oldest}`;
}

function describeLetters({ count, byCode, oldestSentAt }: Status['deadLetters']): string {
  if (count === 0) return 'none';
  const codes = Object.entries(byCode).map(([code, letters]) => `${letters} ${plain(code)}`);
  const oldest = oldestSentAt === undefined ? '' : `, oldest of ${oldestSentAt.slice(0, 19)}Z`;
  return `${count}: ${codes.join(', ')}${oldest}; see ${typed('dead-letters')}`;
}

/** Where several queues hold some: how many each does. */
function describeLetterQueues({ byQueue }: Status['deadLetters']): readonly string[] {
  const queues = Object.entries(byQueue);
  return queues.length < 2 ? [] : queues.map(([name, count]) => `    ${count} in ${plain(name)}`);
}

function describeImports(
  imports: Status['imports'],
  row: (name: string, text: string) => string,
): readonly string[] {
  if (imports === false) return [];
  if (imports === undefined) return [row('imports', `unknown without --bucket`)];
  const inLine = imports.filter(({ phase }) => phase === 'waiting').length;
  const counts = imports.length === 0 ? 'none' : `${imports.length - inLine} running, ${inLine} in line`;
  return [row('imports', counts), ...imports.map((one) => `    ${describeImport(one)}`)];
}

/** Such as `    2026-01-05 10:00:10  people.csv → imp_user  completed: 200 rows, 198 inserted, 2 error`. */
function describeOutcome(outcome: LastOutcome): string {
  const at = `    ${outcome.at.slice(0, 19).replace('T', ' ')}  `;
  if (outcome.kind === 'dead letter') return plain(`${at}${outcome.key}  dead letter: ${outcome.code}`);
  const { key, table, status, reason, rows, counts } = outcome;
  const name = key.split('/').slice(2).join('/') || key;
  const tally = Object.entries(counts).map(([one, count]) => `, ${count} ${one}`);
  const why = reason === undefined ? '' : `; ${reason}`;
  return plain(`${at}${name} → ${table}  ${status}: ${counted(rows, 'row')}${tally.join('')}${why}`);
}

function describeImport({
  folder,
  phase,
  share,
  rows,
  rowsPerSecond,
  errors,
  secondsLeft,
}: ImportStatus): string {
  const [, table = '', ...name] = folder.split('/').slice(0, -2);
  const what = plain(`${name.join('/')} → ${table}`);
  if (phase === undefined) return `${what}  not readable yet`;
  if (phase === 'waiting') return `${what}  in line`;
  return `${what}  ${progressLine({ phase, share: share ?? 0, rows: rows ?? 0, rowsPerSecond: rowsPerSecond ?? 0, errors: errors ?? 0, secondsLeft })}`;
}
