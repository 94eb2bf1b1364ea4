import type { IncomingHttpHeaders } from 'node:http';
import type * as z from 'zod';
import type { Answer } from '../http/exchange.ts';
import { lazySchema, type Zod } from '../lazy-schema.ts';

/** How the bytes of an answer leave, when not whole and at once. */
export type Delivery =
  /** The socket is destroyed (RST) before a byte is sent. */
  | { readonly kind: 'reset' }
  /** Headers promise the whole body; the socket is destroyed after so many bytes of it. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** So many bytes of the body, then silence for `stallMs`, then the rest. */
  | { readonly kind: 'stall'; readonly afterBytes: number; readonly stallMs: number };

/** The request a fault meets. */
export type FaultScene = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Waits on the instance's behalf; ends early when the connection goes or the instance closes. */
  wait(ms: number): Promise<void>;
  /** Makes an access token worthless now. */
  revokeToken(accessToken: string): void;
};

/** What one fault does to one request; every part is optional. */
export type FaultEffect = {
  /** Before authentication, as a balancer would; an answer here means that the instance never saw the request. */
  readonly edge?: (scene: FaultScene) => Answer | undefined;
  /** Inside the semaphore, before the work; an answer here means that the work is not done. */
  readonly before?: (scene: FaultScene) => Answer | undefined | Promise<Answer | undefined>;
  /** After the work is committed: what is answered instead. */
  readonly after?: (answer: Answer) => Answer;
  readonly delivery?: Delivery;
};

/** A kind of fault by its name, with the parameters hidden behind `parse`. */
export type FaultKind = {
  readonly name: string;
  /** @throws z.ZodError when the parameters are wrong. */
  parse(parameters: unknown): FaultEffect;
};

/** Ties a kind's parameters to what it does with them. */
export function defineFault<Shape extends z.ZodType>(
  name: string,
  parameters: (zod: Zod) => Shape,
  effect: (parameters: z.output<Shape>) => FaultEffect,
): FaultKind {
  const shape = lazySchema(parameters);
  return { name, parse: (given) => effect(shape().parse(given)) };
}
