import { digestOf } from '../aws/digest.ts';

/** A write as a message of the records queue asks for it, without its key. */
type Work = {
  readonly action: string;
  readonly table: string;
  readonly sysId?: string;
  readonly [more: string]: unknown;
};

/** Identifies a piece of work, to recognise a key that is used again for other work; the same whichever way it came. */
export function digestOfWork(work: Work): string {
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
