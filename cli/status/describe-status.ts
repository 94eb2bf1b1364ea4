import { lasting } from '../counted.ts';
import { progressLine } from '../import/progress-view.ts';
import { plain } from '../terminal-text.ts';
import { typed } from '../typed.ts';
import type { ImportStatus, Status } from './read-status.ts';

/** The lines that a person reads. */
export function describeStatus({ place, queues, deadLetters, imports }: Status): readonly string[] {
  const width = Math.max(...queues.map(({ name }) => name.length), 'dead letters'.length) + 2;
  const row = (name: string, text: string) => `  ${name.padEnd(width)}${text}`;
  return [
    `${place.replace(/^the /, 'The ')}, ${new Date().toISOString().slice(11, 19)} UTC`,
    ...queues.map((queue) => row(queue.name, describeQueue(queue))),
    row('dead letters', describeLetters(deadLetters)),
    ...describeLetterQueues(deadLetters),
    ...describeImports(imports, row),
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
  imports: readonly ImportStatus[] | undefined,
  row: (name: string, text: string) => string,
): readonly string[] {
  if (imports === undefined) return [row('imports', `unknown without --bucket`)];
  const inLine = imports.filter(({ phase }) => phase === 'waiting').length;
  const counts = imports.length === 0 ? 'none' : `${imports.length - inLine} running, ${inLine} in line`;
  return [row('imports', counts), ...imports.map((one) => `    ${describeImport(one)}`)];
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
