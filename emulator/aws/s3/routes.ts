import { AwsError } from '../aws-error.ts';
import {
  createBucket,
  getBucketNotificationConfiguration,
  getBucketVersioning,
  headBucket,
  listBuckets,
  putBucketNotificationConfiguration,
  putBucketVersioning,
} from './actions/buckets.ts';
import { copyObject, uploadPartCopy } from './actions/copy-object.ts';
import { deleteObject, deleteObjects } from './actions/delete-object.ts';
import { listObjectsV2, listObjectVersions } from './actions/listings.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
} from './actions/multipart-upload.ts';
import { getObject, headObject, putObject } from './actions/objects.ts';
import type { S3Action, S3Request } from './exchange.ts';

/** Sub-resources that choose another action. Any other one is refused rather than misread as the plain call. */
const SUB_RESOURCES = [
  'acl',
  'accelerate',
  'analytics',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'partNumber',
  'policy',
  'publicAccessBlock',
  'replication',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versioning',
  'versions',
  'website',
];

const ROUTES: Readonly<Record<string, S3Action>> = {
  'GET service': listBuckets,
  'PUT bucket': createBucket,
  'HEAD bucket': headBucket,
  'GET bucket': listObjectsV2,
  'GET bucket versions': listObjectVersions,
  'GET bucket versioning': getBucketVersioning,
  'PUT bucket versioning': putBucketVersioning,
  'GET bucket notification': getBucketNotificationConfiguration,
  'PUT bucket notification': putBucketNotificationConfiguration,
  'POST bucket delete': deleteObjects,
  'GET object': getObject,
  'HEAD object': headObject,
  'PUT object': putObject,
  'PUT object copy': copyObject,
  'DELETE object': deleteObject,
  'POST object uploads': createMultipartUpload,
  'PUT object partNumber,uploadId': uploadPart,
  'PUT object partNumber,uploadId copy': uploadPartCopy,
  'POST object uploadId': completeMultipartUpload,
  'DELETE object uploadId': abortMultipartUpload,
};

/** @throws {AwsError} NotImplemented, which names the call */
export function route(request: S3Request): S3Action {
  const name = routeName(request);
  const action = ROUTES[name];
  if (!action) throw new AwsError('NotImplemented', `The local S3 does not offer ${name}.`, 501);
  return action;
}

function routeName(request: S3Request): string {
  const on = request.bucket === '' ? 'service' : request.key === '' ? 'bucket' : 'object';
  const chosen = SUB_RESOURCES.filter((name) => request.query.has(name)).join(',');
  const copy = request.headers['x-amz-copy-source'] === undefined ? '' : 'copy';
  return [request.method, on, chosen, copy].filter((part) => part !== '').join(' ');
}
