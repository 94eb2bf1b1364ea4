import type { Deadline } from '../core/deadline.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * Whether a call may be sent again when its outcome is not known.
 * - `idempotent`: a second one changes nothing (GET, DELETE, an update without journal fields).
 * - `keyed`: a second one is refused by the instance because the record carries its own sys_id.
 * - `never`: a second one could write twice; it is sent again only when no byte of the first left.
 */
export type Repeatable = 'idempotent' | 'keyed' | 'never';

/** One call to an instance. `path` starts with `/api/` and is already encoded (see `url.ts`). */
export type ServiceNowRequest = {
  readonly method: Method;
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Lower-case names. Authorization and cookies are never taken from here. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value, or bytes that are sent as they are (then `headers['content-type']` is given). */
  readonly body?: unknown;
  readonly repeatable: Repeatable;
  /** `bytes` for the content of an attachment: the body is then given as a Uint8Array. Default `json`. */
  readonly expects?: 'json' | 'bytes';
};

/** What surrounds a call: how long it may take and whom to tell. */
export type CallContext = {
  readonly deadline: Deadline;
  /** Runs from the caller's header, message or object to our log lines. */
  readonly correlationId: string;
  readonly signal?: AbortSignal;
};

/** A judged answer: status below 400, JSON content type, no `error` in the body. */
export type ServiceNowResponse = {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, undefined for an empty body, a Uint8Array when the request expects bytes. */
  readonly body: unknown;
  readonly transactionId?: string;
  /** How many times it was sent. */
  readonly attempts: number;
};

/** A connection to one instance. */
export type ServiceNowClient = {
  /** Sends one call through the chain (limiter, auth, retry, judge). @throws ServiceNowError and its kin. */
  send(request: ServiceNowRequest, context: CallContext): Promise<ServiceNowResponse>;
  /** Closes the sockets. */
  close(): Promise<void>;
};
