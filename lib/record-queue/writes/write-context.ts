import type { EffectLedger } from '../../aws/effect-ledger.ts';
import { lastingId } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { JournalColumns } from '../../operations/dictionary.ts';
import type { CallContext, ServiceNowResponse } from '../../servicenow/call.ts';
import type { Call } from '../batch-executor.ts';
import type { RecordCommand, RecordMessage } from '../message.ts';
import type { Naming } from '../ordering.ts';
import type { QueuedMessage } from '../sqs-event.ts';
import type { ReferenceCache } from './references.ts';

/** What the writes of one batch to one instance have in common. */
export type WriteContext = {
  /** @throws what a single call would have thrown */
  send(call: Call): Promise<ServiceNowResponse>;
  readonly ledger: EffectLedger;
  readonly naming: Naming;
  readonly journals: JournalColumns;
  /** Answers to the look-ups of signals. */
  readonly references: ReferenceCache;
  /** True for a table that messages may name. */
  allowsTable(table: string): boolean;
  /** Tables that were seen to ignore the sys_id of a create, lower case. */
  readonly ignoringTables: Set<string>;
  /** Tables that were seen to take it, by this process: it need not ask the ledger about them. */
  readonly honouringTables: Set<string>;
  /** Columns that records were seen to have, as `table.column` in lower case. */
  readonly shownColumns: Set<string>;
  /** What creates of the batch made. They may have read the marks of the records long before. */
  readonly made: MadeRecord[];
  /** Resolves once no earlier message of the batch is at work on this record. */
  waitForTurn(command: RecordCommand, sysId: string): Promise<void>;
  /** True for a command before which others were carried out, or time has passed: what the batch began with may have changed. */
  isLate(command: RecordCommand): boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** For so long the instance may work on a write after its answer was lost, in milliseconds. */
  readonly inDoubtMs: number;
  /** Nothing is sent after this, and calls in flight are aborted. */
  readonly callContext: CallContext;
  /** The column in which the sender of a message is written down; absent for none. */
  readonly callerColumn: string | undefined;
};

/**
 * The column that says who sent a message. It goes over what the message gives for it, and is no part of its work: a message
 * under the same key is the same work, no matter who sends it.
 */
export function columnOfSender(
  { message: { sender } }: RecordCommand,
  { callerColumn }: WriteContext,
): Readonly<Record<string, string>> {
  return callerColumn === undefined || sender === undefined ? {} : { [callerColumn]: lastingId(sender) };
}

/** A record that a create which may be a repeat has made. */
export type MadeRecord = { readonly message: QueuedMessage; readonly table: string; readonly sysId: string };

/** A message with one action. */
export type CommandOf<Action extends RecordMessage['action']> = RecordCommand & {
  readonly command: Extract<RecordMessage, { action: Action }>;
};
