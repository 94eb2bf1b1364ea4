import type { IncomingHttpHeaders } from 'node:http';
import type { DateStyle } from '../time/date-style.ts';

/** The caller, after authentication. */
export type User = DateStyle & {
  readonly sysId: string;
  readonly userName: string;
  readonly name: string;
  readonly roles: ReadonlySet<string>;
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
};

/**
 * What an action answers. `json` is sent as JSON (or XML when asked for), `jsonBytes` are the pieces of JSON already
 * written, which a `json` beside it takes the place of, and `bytes` are sent as they are.
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
