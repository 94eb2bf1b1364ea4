import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { AwsCall } from '../iam/role-policy.ts';
import type { S3State } from './state.ts';

/** A request taken apart: `/{bucket}/{key}?query`. `key` is decoded and empty for a call about the bucket. */
export type S3Request = {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Who asks, as events say it. */
  readonly callerId: string;
  /** @throws {AwsError} AccessDenied when the caller may not make one of the calls */
  readonly permit: (...calls: readonly AwsCall[]) => void;
};

/** What is sent back. A `Readable` is streamed. */
export type S3Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
};

/** One API action, in a file of its own. */
export type S3Action = (request: S3Request, state: S3State) => S3Answer | Promise<S3Answer>;

/** The header's value, or undefined; several become one list. */
export function header(request: S3Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
