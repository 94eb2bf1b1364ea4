import type { IncomingHttpHeaders } from 'node:http';
import type * as z from 'zod';
import type { Answer } from '../http/exchange.ts';
import type { Delivery } from '../http/respond.ts';
import { lazySchema, type Zod } from '../lazy-schema.ts';

/** How another client's rows compare with those of the request: see the fault `other-client`. */
export type RivalRows = 'same' | 'alike' | 'fewer';

/** The request, or the item of a batch, that a fault meets. */
export type FaultScene = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** On the instance's clock. */
  readonly nowMs: number;
  /**
   * Waits on the instance's behalf, whether or not the caller is still there.
   * @throws Failure 500 when the transaction quota ends first, or the instance is reset or closed.
   */
  wait(ms: number): Promise<void>;
  /** Resets the caller's connection now; what runs goes on. */
  cut(): void;
  /** Makes an access token worthless now. */
  revokeToken(accessToken: string): void;
  /** Has another client store an import set of its own in the staging table that the request names. */
  importByAnother(rows: RivalRows, userName: string): Promise<void>;
};

/** What one fault does to one request; every part is optional. */
export type FaultEffect = {
  /** Before authentication, as a load balancer would; an answer here means that the instance never saw the request. */
  readonly edge?: (scene: FaultScene) => Answer | undefined;
  /** Inside the semaphore, before the work; an answer here means that the work is not done. */
  readonly before?: (scene: FaultScene) => Answer | undefined | Promise<Answer | undefined>;
  /** How many of the rows that the request brings are stored before its transaction is interrupted. */
  readonly storesRows?: (rows: number) => number;
  /** After the work is committed: what is answered instead. */
  readonly after?: (answer: Answer, scene: FaultScene) => Answer | Promise<Answer>;
  readonly delivery?: Delivery;
};

/** A kind of fault by its name, with the parameters hidden behind `parse`. */
export type FaultKind = {
  readonly name: string;
  /**
   * @param random numbers in [0, 1) from the seed of the fault.
   * @throws z.ZodError when the parameters are wrong.
   */
  parse(parameters: unknown, random: () => number): FaultEffect;
};

/** Ties a kind's parameters to what it does with them. */
export function defineFault<Shape extends z.ZodType>(
  name: string,
  parameters: (zod: Zod) => Shape,
  effect: (parameters: z.output<Shape>, random: () => number) => FaultEffect,
): FaultKind {
  const shape = lazySchema(parameters);
  return { name, parse: (given, random) => effect(shape().parse(given), random) };
}
