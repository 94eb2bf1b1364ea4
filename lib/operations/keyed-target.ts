import type { ServiceNowRequest } from '../servicenow/call.ts';
import type { OperationDeps } from './define-operation.ts';
import { digestOfRequest } from './keyed-writes.ts';
import { writesIn } from './write-ledger.ts';

/** A write that its caller may repeat under the same key. */
export type KeyedTarget = { readonly table: string; readonly key: string };

/** Where the writes of a key are remembered, and by which digest. */
export function writesOf(
  request: ServiceNowRequest,
  { table, key }: KeyedTarget,
  write: 'update' | 'delete' | 'import',
  work: { readonly digest: string; readonly earlierDigest: string } | undefined,
  { keyedWrites, ledger }: OperationDeps,
) {
  const ofRequest = digestOfRequest(request);
  const digest = work?.digest ?? ofRequest;
  const earlierDigests = [ofRequest, ...(work ? [work.earlierDigest] : [])];
  const remembered = { table, key, write, digest, earlierDigests };
  return { digest, keyedWrites: ledger ? writesIn(ledger, keyedWrites, remembered) : keyedWrites };
}

/** The name of a write by its key. */
export function nameOf({ table, key }: KeyedTarget, { instanceName }: OperationDeps): string {
  return JSON.stringify([instanceName, 'write', table.toLowerCase(), key]);
}
