import type { Signal } from './life-model.ts';

/** An event on its way to the functions. */
export type EventMessage = {
  readonly signal: Signal;
  /** The bodies that mean it; a second copy may have another one than the first. */
  readonly forms: readonly string[];
};

/** Where events come from. */
export type Feed = {
  readonly counts: Readonly<Record<string, number>>;
  /** Makes so many changes. @returns the events of them, in their order */
  change(count: number): Promise<readonly EventMessage[]>;
};
