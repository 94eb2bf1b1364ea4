import type { ServiceNowError } from '../../servicenow/errors/servicenow-error.ts';
import type { ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan.ts';
import type { Chunk } from './chunk.ts';
import type { SentChunk } from './ledger.ts';
import type { Settling } from './settle-chunk.ts';

/** A chunk on its way. */
export type Delivery = {
  readonly chunk: Chunk;
  /** False once the import has stopped. */
  readonly sending: boolean;
  /** Present when rows of the chunk may have been sent before. */
  readonly settling: Settling | undefined;
  /** Which lines those are; undefined where any may be. */
  readonly doubtful: readonly number[] | undefined;
  /** What the ledger knows of it already. */
  readonly before: SentChunk | undefined;
  /** The import set after which this one is to be transformed. */
  readonly runAfter: string | undefined;
};

/** What became of a chunk. */
export type Delivered = {
  readonly record: SentChunk;
  /** Why the rest of it cannot be sent now. */
  readonly failure?: ServiceNowError;
};

/** Where it goes. */
export type Where = { readonly scope: ImportScope; readonly plan: ImportPlan };
