import type { Deadline } from '../core/clock.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * Whether the client may send a call again by itself after its answer was lost. The first copy may still be running on the
 * instance at that moment, so that a second update could overtake what was written since.
 * - `read`: it changes nothing.
 * - `keyed`: a create with its own sys_id; the instance refuses a second copy (docs/servicenow-contract.md 1.6).
 * - `never`: any other write. It is repeated only when nothing was sent, or when the instance refused it before any work.
 */
export type Repeatable = 'read' | 'keyed' | 'never';

/** One call to an instance. Made by `buildRequest` in `requests.ts` and nowhere else. */
export type ServiceNowRequest = {
  readonly method: Method;
  /** Starts with `/api/`, already encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Lower-case names. Authorization and cookies are never taken from here. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value, or bytes that are sent as they are (then `headers['content-type']` is given). */
  readonly body?: unknown;
  readonly repeatable: Repeatable;
  /** `bytes` for the content of an attachment: the body is then a Uint8Array. @default 'json' */
  readonly expects?: 'json' | 'bytes';
};

/** How long a call may take, and under which id it is logged. */
export type CallContext = {
  readonly deadline: Deadline;
  /** Runs from the caller's header, message or object to our log lines. */
  readonly correlationId: string;
  readonly signal?: AbortSignal;
};

/** What a caller may give of a context; `send` fills in the rest: two minutes from now, and a random id. */
export type CallOptions = Partial<CallContext>;

/** An accepted answer: status below 400, JSON content type, no `error` in the body. */
export type ServiceNowResponse = {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, undefined for an empty body, a Uint8Array when the request expects bytes. */
  readonly body: unknown;
  readonly transactionId?: string;
  /** How many times the call was sent. */
  readonly attempts: number;
  /** True when an earlier copy of the call may have taken effect as well. */
  readonly isRepeat?: boolean;
};

/** A connection to one instance. */
export type ServiceNowClient = {
  /** Sends one call through the chain (log, retry, throttle, authenticate, send, classify). @throws ServiceNowError */
  send(request: ServiceNowRequest, context?: CallOptions): Promise<ServiceNowResponse>;
  /** Closes the sockets. */
  close(): Promise<void>;
};
