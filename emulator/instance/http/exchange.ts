import type { IncomingHttpHeaders } from 'node:http';
import type { DateStyle } from '../time/dates.ts';

/** The caller, after authentication. */
export type User = DateStyle & {
  readonly sysId: string;
  readonly userName: string;
  readonly name: string;
  readonly roles: ReadonlySet<string>;
};

/** What lies behind a request or an item of a batch: the connection of its caller, and the time that it may take. */
export type Transaction = {
  /** Resets the caller's connection now; what runs goes on. */
  cut(): void;
  /** @throws Failure 500 when the transaction quota ends first, or the instance is reset or closed. */
  wait(ms: number): Promise<void>;
};

/** One request as an API action sees it, whether it came over a socket or inside a batch. */
export type Exchange = {
  readonly method: string;
  /** Decoded segments after `/api/now` and the version, e.g. `['table', 'incident', '<sys_id>']`. */
  readonly segments: readonly string[];
  /** `v1`, `v2`, or undefined when the path names none; links carry the same one. */
  readonly version: string | undefined;
  /** Path and query as sent. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly user: User;
  readonly transaction: Transaction;
  /** By fault: how many of so many rows are stored before the transaction is interrupted. */
  readonly storesRows?: ((rows: number) => number) | undefined;
};

/**
 * What an action answers. `json` is sent as JSON (or XML when asked for), `jsonBytes` are the pieces of JSON already
 * written (a `json` as well replaces them), and `bytes` are sent as they are.
 */
export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly jsonBytes?: readonly Uint8Array[];
  readonly bytes?: Buffer;
  /** Sent without the instance's standard headers and cookies, as by the balancer in front of it. */
  readonly bare?: boolean;
};

/** Whether a parameter or header says yes. Clients in Python write `True`, and live instances take that. */
export const isTrue = (text: unknown): boolean => typeof text === 'string' && text.toLowerCase() === 'true';
