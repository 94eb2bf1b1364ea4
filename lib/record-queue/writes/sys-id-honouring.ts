import { lookWhetherIgnored } from '../../operations/ignored-sys-id.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import type { RecordCommand } from '../message.ts';
import type { WriteContext } from './write-context.ts';

/**
 * False for a table of `correlationIdTables`, and for one that was seen to ignore the sys_id of a create.
 * @throws what the state table throws
 */
export async function isSysIdHonoured({ command }: RecordCommand, context: WriteContext): Promise<boolean> {
  const { naming, honouringTables, ignoringTables, ledger } = context;
  const table = command.table.toLowerCase();
  if (naming.identityOf(table, '').kind !== 'sys_id') return false;
  if (honouringTables.has(table)) return true;
  if (!ignoringTables.has(table) && (await ledger.ignoresSysId(table))) ignoringTables.add(table);
  return !ignoringTables.has(table);
}

/**
 * Compares the sys_id of a record that was made with the one that was asked for.
 * @param made as the answer shows it; undefined where it does not
 * @returns true when the instance chose another; then the table is remembered, unless a rule led this one insert elsewhere
 */
export async function rememberIfIgnored(
  { command: { table }, message }: RecordCommand,
  asked: string,
  made: string | undefined,
  context: WriteContext,
): Promise<boolean> {
  const { clock, honouringTables, ignoringTables, ledger, log } = context;
  const name = table.toLowerCase();
  if (made?.toLowerCase() === asked) honouringTables.add(name);
  if (made === undefined || made.toLowerCase() === asked) return false;
  const send = (request: ServiceNowRequest) => context.send({ request, isReconciling: true });
  const { isIgnored, hasCorrelationId } = await lookWhetherIgnored(table, made, clock.now(), send);
  if (!isIgnored || !hasCorrelationId) return true;
  honouringTables.delete(name);
  ignoringTables.add(name);
  log.warn('sys-id-ignored', { table, messageId: message.messageId });
  await ledger.rememberThatTableIgnoresSysId(table);
  return true;
}
