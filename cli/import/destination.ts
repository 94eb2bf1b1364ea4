import { UsageError } from '../command-line.ts';
import type { RunningStack } from '../start/running-stack.ts';
import { typed } from '../typed.ts';

/** That of a local stack, where only its endpoint is named. */
const localBucket = 'importbucket';

/** Where a file goes; `endpoint` is undefined where the AWS SDK finds it. */
export type ImportDestination = { readonly bucket: string; readonly endpoint: string | undefined };

/**
 * Without a bucket a file goes to the caller's own local stack, and to no other that may listen here.
 * @throws UsageError for an endpoint that is not one; Error where there is nothing to write to
 */
export function importDestination(
  options: { readonly bucket?: string | undefined; readonly endpoint?: string | undefined },
  environment: Readonly<Record<string, string | undefined>>,
  findStack: () => RunningStack | undefined,
): ImportDestination {
  const bucket = options.bucket ?? environment['IMPORT_BUCKET'];
  const stack = bucket === undefined ? findStack() : undefined;
  const endpoint =
    options.endpoint === undefined ? stack?.endpoints.s3.endpoint : endpointUrl(options.endpoint);
  const found = bucket ?? stack?.endpoints.s3.bucket ?? (endpoint === undefined ? undefined : localBucket);
  if (found !== undefined) return { bucket: found, endpoint };
  throw new Error(
    `No local stack is running: start one with ${typed('start')}, or give --endpoint, or the --bucket of a deployment`,
  );
}

/**
 * An endpoint as people write it: `localhost:4603` is as good as `http://localhost:4603`.
 * @throws UsageError when it is not the address of a server
 */
export function endpointUrl(text: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const url = URL.parse(hasScheme ? text : `http://${text}`);
  const isServer = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
  const hasPort = hasScheme || /:\d+\/?$/.test(text);
  if (!isServer || !hasPort) throw new UsageError('--endpoint is not a URL, like http://127.0.0.1:4603');
  if (url.pathname !== '/' || url.search !== '' || url.username !== '')
    throw new UsageError('--endpoint must be scheme, host and port alone, like http://127.0.0.1:4603');
  return url.origin;
}
