import type { ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan.ts';
import type { Position } from '../read/byte-window.ts';
import type { ImportFolder } from '../work-folder.ts';
import type { ClosedLedgers } from './closed-ledgers.ts';
import type { OpenReader } from './open-reader.ts';

/** One checkpointed piece of the load. */
export type LoadGroup = {
  readonly group: number;
  readonly from: Position;
  /** False once the import has stopped: rows are then only read, to be listed as not sent. */
  readonly sending: boolean;
  /** True when the instance is asked nothing more: what may have been sent then stays unknown. */
  readonly isGivenUp: boolean;
  /** The next group may be opened early. Not where another execution goes on: it would take the group for broken off. */
  readonly isFollowed: boolean;
  /** The group ends as soon as it rejected more rows than this. */
  readonly mayReject: number;
  /** Import sets that earlier groups claimed. */
  readonly claimedBefore: () => Promise<ReadonlySet<string>>;
};

/** What loading works with. */
export type LoadTools = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly reader: OpenReader;
  readonly closed: ClosedLedgers;
  /** Told as rows are done, to show progress. */
  readonly onProgress?: (done: { readonly rows: number; readonly byte: number }) => void;
};
