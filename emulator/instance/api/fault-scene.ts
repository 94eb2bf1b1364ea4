import type { FaultScene } from '../control/fault.ts';
import type { PickedFault } from '../control/fault-plan.ts';
import type { Answer, Transaction } from '../http/exchange.ts';
import type { InstanceState } from '../state.ts';
import { importByAnother } from './import/import-by-another.ts';

/** What of a request, or of an item of a batch, its faults see. */
type Struck = Pick<FaultScene, 'method' | 'url' | 'headers'> & {
  readonly transaction: Transaction;
  /** The body once it has been read. */
  readonly body: Buffer;
};

/** What the faults of one request can do. */
export function sceneOf(struck: Struck, state: InstanceState): FaultScene {
  const { method, url, headers, transaction } = struck;
  return {
    method,
    url,
    headers,
    nowMs: state.clock.now(),
    wait: transaction.wait,
    cut: transaction.cut,
    revokeToken: (token) => state.auth.tokens.revoke(token),
    importByAnother: (rows, userName) =>
      importByAnother({ url, headers, body: struck.body, rows, userName }, state),
  };
}

/** The first answer that a fault gives as a load balancer would. */
export function edgeAnswer(faults: readonly PickedFault[], scene: FaultScene): Answer | undefined {
  for (const { effect } of faults) {
    const answer = effect.edge?.(scene);
    if (answer) return answer;
  }
  return undefined;
}

/** The first answer that a fault gives in place of the work, after every fault before it has had its time. */
export async function answerBefore(
  faults: readonly PickedFault[],
  scene: FaultScene,
): Promise<Answer | undefined> {
  for (const { effect } of faults) {
    const answer = await effect.before?.(scene);
    if (answer) return answer;
  }
  return undefined;
}

/** What the faults make of an answer, each of what the one before it left. */
export async function answerAfter(
  faults: readonly PickedFault[],
  scene: FaultScene,
  answer: Answer,
): Promise<Answer> {
  let changed = answer;
  for (const { effect } of faults) changed = (await effect.after?.(changed, scene)) ?? changed;
  return changed;
}

/** How many rows the strictest fault lets be stored; undefined when none limits them. */
export function rowsStored(faults: readonly PickedFault[]): ((rows: number) => number) | undefined {
  const limits = faults.flatMap(({ effect }) => effect.storesRows ?? []);
  if (limits.length === 0) return undefined;
  return (rows) => Math.min(...limits.map((limit) => limit(rows)));
}
