import type { Step } from '../operations/steps.ts';

/** Calls that one batch request takes: ServiceNow advises no number; this keeps it well inside its 30 s. */
const maxItems = 50;
/** Half of the 5 MB that an instance takes by default (contract 6), as bodies grow by a third on the way. */
const maxBytes = 2_500_000;

/**
 * Sorts steps into packs that travel together. Those that settle doubts go apart, as they may use time that others may not;
 * so do those that must never be sent twice, since the whole pack could then not be.
 */
export function packSteps<T extends { readonly step: Step }>(
  pending: readonly T[],
): readonly (readonly T[])[] {
  const kinds = Map.groupBy(
    pending,
    ({ step }) => `${step.settles ?? false} ${step.request.repeatable === 'never'}`,
  );
  return [...kinds.values()].flatMap(cut);
}

function cut<T extends { readonly step: Step }>(pending: readonly T[]): readonly (readonly T[])[] {
  const packs: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of pending) {
    const size = bytesOf(one.step);
    if (bytes + size > maxBytes || packs.at(-1)?.length === maxItems) {
      packs.push([]);
      bytes = 0;
    }
    packs.at(-1)?.push(one);
    bytes += size;
  }
  return packs;
}

function bytesOf({ request }: Step): number {
  return 500 + (request.body === undefined ? 0 : Buffer.byteLength(JSON.stringify(request.body)));
}
