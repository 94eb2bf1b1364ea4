import { AwsError } from '../aws-error.ts';
import {
  createBucket,
  getBucketEncryption,
  getBucketNotificationConfiguration,
  getBucketVersioning,
  headBucket,
  listBuckets,
  putBucketEncryption,
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
import { getObjectTagging, putObjectTagging } from './actions/tagging.ts';
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

/** An action, and what a role needs for it. Deleting several objects needs the right to each. */
type Route = { readonly action: S3Action; readonly right?: string };

const ROUTES: Readonly<Record<string, Route>> = {
  'GET service': { action: listBuckets, right: 's3:ListAllMyBuckets' },
  'PUT bucket': { action: createBucket, right: 's3:CreateBucket' },
  'HEAD bucket': { action: headBucket, right: 's3:ListBucket' },
  'GET bucket': { action: listObjectsV2, right: 's3:ListBucket' },
  'GET bucket versions': { action: listObjectVersions, right: 's3:ListBucketVersions' },
  'GET bucket versioning': { action: getBucketVersioning, right: 's3:GetBucketVersioning' },
  'PUT bucket versioning': { action: putBucketVersioning, right: 's3:PutBucketVersioning' },
  'GET bucket notification': {
    action: getBucketNotificationConfiguration,
    right: 's3:GetBucketNotification',
  },
  'PUT bucket notification': {
    action: putBucketNotificationConfiguration,
    right: 's3:PutBucketNotification',
  },
  'GET bucket encryption': { action: getBucketEncryption, right: 's3:GetEncryptionConfiguration' },
  'PUT bucket encryption': { action: putBucketEncryption, right: 's3:PutEncryptionConfiguration' },
  'POST bucket delete': { action: deleteObjects },
  'GET object': { action: getObject, right: 's3:GetObject' },
  'HEAD object': { action: headObject, right: 's3:GetObject' },
  'GET object tagging': { action: getObjectTagging, right: 's3:GetObjectTagging' },
  'PUT object tagging': { action: putObjectTagging, right: 's3:PutObjectTagging' },
  'PUT object': { action: putObject, right: 's3:PutObject' },
  'PUT object copy': { action: copyObject, right: 's3:PutObject' },
  'DELETE object': { action: deleteObject, right: 's3:DeleteObject' },
  'POST object uploads': { action: createMultipartUpload, right: 's3:PutObject' },
  'PUT object partNumber,uploadId': { action: uploadPart, right: 's3:PutObject' },
  'PUT object partNumber,uploadId copy': { action: uploadPartCopy, right: 's3:PutObject' },
  'POST object uploadId': { action: completeMultipartUpload, right: 's3:PutObject' },
  'DELETE object uploadId': { action: abortMultipartUpload, right: 's3:AbortMultipartUpload' },
};

/** @throws {AwsError} NotImplemented, which names the call */
export function route(request: S3Request): Route {
  const name = routeName(request);
  const found = ROUTES[name];
  if (!found) throw new AwsError('NotImplemented', `The local S3 does not offer ${name}.`, 501);
  return found;
}

function routeName(request: S3Request): string {
  const on = request.bucket === '' ? 'service' : request.key === '' ? 'bucket' : 'object';
  const chosen = SUB_RESOURCES.filter((name) => request.query.has(name)).join(',');
  const copy = request.headers['x-amz-copy-source'] === undefined ? '' : 'copy';
  return [request.method, on, chosen, copy].filter((part) => part !== '').join(' ');
}
