import { eventSeverity } from '../../operations/signal.ts';
import { instanceTime } from '../../servicenow/encoded-query.ts';
import { type Decision, type Episode, noteOf, type TimedSignal } from './decide.ts';
import { correlationIdOfKey, formatMark } from './mark.ts';

/** What look-ups found: values by column, and what a person should know about them. */
export type References = {
  readonly columns: Readonly<Record<string, string>>;
  readonly remarks: readonly string[];
};

type Columns = Readonly<Record<string, unknown>>;

/** The columns of a new record, without its sys_id. Pure. */
export function newRecord(
  { mark, after }: Extract<Decision, { kind: 'create' }>,
  signal: TimedSignal,
  references: References,
): Columns {
  const columns = { ...signal.fields, ...references.columns };
  return {
    ...columns,
    ...notesOf(columns, [noteOf(signal), follows(after), ...references.remarks]),
    correlation_id: correlationIdOfKey(signal.key),
    correlation_display: formatMark(mark),
  };
}

function follows(after: Episode | undefined): string | undefined {
  return after && `Follows ${after.number || 'an earlier record'}, which was ${after.phase}.`;
}

/** The columns that a decision changes: note and mark are part of the same write. Pure. */
export function changesOf(
  { what, mark, remark, isSaid }: Extract<Decision, { kind: 'write' }>,
  signal: TimedSignal,
  references: References,
): Columns {
  const columns = columnsOf(what, signal, references);
  const remarks = what === 'update' && Object.keys(columns).length > 0 ? references.remarks : [];
  return {
    ...columns,
    ...notesOf(columns, [isSaid === true ? undefined : noteOf(signal), remark, ...remarks]),
    correlation_display: formatMark(mark),
  };
}

function columnsOf(
  what: Extract<Decision, { kind: 'write' }>['what'],
  { fields = {}, update = [], resolve = {}, reopen = {} }: TimedSignal,
  references: References,
): Columns {
  const { unless: _unless, ...resolving } = resolve;
  if (what === 'resolve') return resolving;
  if (what === 'note') return {};
  const given = Object.entries({ ...fields, ...references.columns });
  const again = given.filter(([column]) => update.includes(column));
  return { ...Object.fromEntries(again), ...(what === 'reopen' && { state: String(reopen.state) }) };
}

/** One work note of all that is said: also what the columns say there. */
function notesOf({ work_notes: given }: Columns, notes: readonly (string | undefined)[]): Columns {
  const all = [typeof given === 'string' ? given : undefined, ...notes];
  const text = all.filter((one) => one !== undefined && one !== '').join('\n\n');
  return text === '' ? {} : { work_notes: text.toWellFormed() };
}

/** The columns of an event of Event Management that win over what the signal gives and looks up. Pure. */
export function eventOf(signal: TimedSignal): Columns {
  const { source, key, fields = {}, atMs } = signal;
  const severity = eventSeverity(signal);
  const description = fields['description'] ?? fields['short_description'];
  return {
    source: fields['source'] ?? source,
    message_key: fields['message_key'] ?? key,
    time_of_event: fields['time_of_event'] ?? instanceTime(atMs),
    // Without a node an event needs a class.
    event_class: fields['event_class'] ?? source,
    resolution_state: signal.signal === 'resolve' ? 'Closing' : 'New',
    ...(severity !== undefined && { severity }),
    ...(description !== undefined && { description }),
  };
}
