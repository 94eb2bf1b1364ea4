import { digestOf } from '../../aws/digest.ts';
import type { Effect } from '../../aws/effect-ledger.ts';
import { digestOfWork, earlierDigestOfWork } from '../../operations/work-digest.ts';
import { createDigest } from '../../operations/write-ledger.ts';
import type { RecordCommand } from '../message.ts';

/** Identifies what a message asks for, to recognise a key that is used again for other work. */
export function digestOfCommand({ command, key, keyIsWork }: RecordCommand): string {
  // A signal names itself; the same event may be mapped otherwise once a mapping file has changed.
  if (command.action === 'signal' || keyIsWork) return digestOf(key);
  return digestOfWork(command);
}

/** As releases before kept it. */
function earlierDigestOf({ command }: RecordCommand): string | undefined {
  if (command.action === 'signal') return undefined;
  const { key: _key, ...work } = command;
  return earlierDigestOfWork(work);
}

/** True when what a key did was other work. A create over HTTP is the same work as any create of its key. */
export function isOtherWork({ digest, write }: Effect, command: RecordCommand): boolean {
  if (digest === createDigest && write === 'create') return command.command.action !== 'create';
  return digest !== digestOfCommand(command) && digest !== earlierDigestOf(command);
}
