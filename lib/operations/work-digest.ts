import { digestOf } from '../aws/digest.ts';

/** A write as a message of the records queue asks for it, without its key. */
type Work = {
  readonly action: string;
  readonly table: string;
  readonly sysId?: string;
  readonly match?: unknown;
  readonly record?: unknown;
  readonly options?: { readonly inputDisplayValue?: boolean | undefined } | undefined;
  readonly instance?: string | undefined;
};

/**
 * Identifies a piece of work, to recognise a key that is used again for other work; the same whichever way it came, and however what
 * goes without saying is spelt.
 */
export function digestOfWork({ action, table, sysId, match, record, options }: Work): string {
  const isDisplay = options?.inputDisplayValue === true;
  const work = { action, match, record, ...(isDisplay && { options: { inputDisplayValue: true } }) };
  return digestOf(canonical({ ...work, table: table.toLowerCase(), sysId: sysId?.toLowerCase() }));
}

/** As releases before kept it. Such digests are remembered for 30 days. */
export function earlierDigestOfWork(work: Work): string {
  const sysId = work.sysId !== undefined && { sysId: work.sysId.toLowerCase() };
  return digestOf(canonical({ ...work, ...sysId }));
}

/** JSON in which the order of the properties does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
