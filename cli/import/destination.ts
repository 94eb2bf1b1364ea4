import type { S3Client } from '@aws-sdk/client-s3';
import { createS3Client } from '../../lib/aws/s3.ts';
import { UsageError } from '../command-line.ts';
import { findStackAt, requireRunningStack, useLocalS3 } from '../local-aws.ts';

/** That of a local stack, where only its endpoint is named. */
const localBucket = 'importbucket';

/** How a command line names a bucket, or the local stack that it is of. */
export type BucketOptions = {
  readonly bucket?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly stack?: string | undefined;
};

/** Where a file goes; `endpoint` is undefined where the AWS SDK finds it. */
export type ImportDestination = { readonly bucket: string; readonly endpoint: string | undefined };

/** The bucket of a command line, and a client for it. Errors are those of `importDestination`. */
export function openBucket(options: BucketOptions): ImportDestination & { readonly s3: S3Client } {
  const { bucket, endpoint } = importDestination(options, process.env);
  if (endpoint === undefined) return { s3: createS3Client(), bucket, endpoint };
  useLocalS3(endpoint);
  // The name of a bucket in front of another host, as in bucket.localhost, is not an address everywhere.
  return { s3: createS3Client({ forcePathStyle: true }), bucket, endpoint };
}

/**
 * Without a bucket a file goes to the local stack at the endpoint, or to that of `--stack` or of the current folder, and to no other
 * that may listen here.
 * @throws UsageError for an endpoint that is not one, and for options that exclude each other; Error where there is nothing to write to
 */
export function importDestination(
  options: BucketOptions,
  environment: Readonly<Record<string, string | undefined>>,
): ImportDestination {
  const { stack } = options;
  if (stack !== undefined && (options.bucket ?? options.endpoint) !== undefined)
    throw new UsageError('--stack cannot be given together with --bucket or --endpoint');
  const bucket = stack === undefined ? (options.bucket ?? environment['IMPORT_BUCKET']) : undefined;
  const endpoint = options.endpoint === undefined ? undefined : endpointUrl(options.endpoint);
  if (bucket !== undefined) return { bucket, endpoint };
  if (endpoint !== undefined)
    return { bucket: findStackAt('s3', endpoint)?.endpoints.s3.bucket ?? localBucket, endpoint };
  return requireRunningStack(stack, ', or give --endpoint, or the --bucket of a deployment').endpoints.s3;
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
