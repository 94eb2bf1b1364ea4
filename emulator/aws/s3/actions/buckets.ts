import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { REGION } from '../../account.ts';
import { AwsError } from '../../aws-error.ts';
import { setNotifications } from '../bucket-setup.ts';
import type { S3Action } from '../exchange.ts';
import { oneOrMany, readXml, xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html */
export const listBuckets: S3Action = (_request, state) => {
  const Bucket = state.buckets
    .list()
    .map(({ name, createdMs }) => ({ Name: name, CreationDate: new Date(createdMs).toISOString() }));
  return xmlAnswer('ListAllMyBucketsResult', { Buckets: { Bucket } });
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html */
export const createBucket: S3Action = (request, state) => {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(request.bucket)) {
    throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.');
  }
  if (state.buckets.find(request.bucket)) {
    throw new AwsError('BucketAlreadyOwnedByYou', 'You already own this bucket.', 409);
  }
  state.buckets.ensure(request.bucket, state.clock.now());
  return { status: 200, headers: { location: `/${request.bucket}` } };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
export const headBucket: S3Action = (request, state) => {
  state.buckets.get(request.bucket);
  return { status: 200, headers: { 'x-amz-bucket-region': REGION } };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html */
export const getBucketVersioning: S3Action = (request, state) => {
  const { versioning } = state.buckets.get(request.bucket);
  return xmlAnswer('VersioningConfiguration', versioning === '' ? {} : { Status: versioning });
};

const PutBucketVersioningDocument = z.object({
  VersioningConfiguration: z.object({ Status: z.enum(['Enabled', 'Suspended']) }),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html */
export const putBucketVersioning: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { VersioningConfiguration } = await readXml(request.body, PutBucketVersioningDocument);
  state.buckets.setVersioning(request.bucket, VersioningConfiguration.Status);
  return { status: 200 };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html */
export const getBucketEncryption: S3Action = (request, state) => {
  state.buckets.get(request.bucket);
  const { algorithm, kmsKey } = state.buckets.encryption(request.bucket);
  const byDefault = { SSEAlgorithm: algorithm, ...(kmsKey !== '' && { KMSMasterKeyID: kmsKey }) };
  const Rule = { ApplyServerSideEncryptionByDefault: byDefault, BucketKeyEnabled: false };
  return xmlAnswer('ServerSideEncryptionConfiguration', { Rule });
};

const byDefault = z.object({
  SSEAlgorithm: z.enum(['AES256', 'aws:kms', 'aws:kms:dsse']),
  KMSMasterKeyID: z.string().default(''),
});
const PutBucketEncryptionDocument = z.object({
  ServerSideEncryptionConfiguration: z.object({
    Rule: z.object({ ApplyServerSideEncryptionByDefault: byDefault }),
  }),
});

/** What is stored is not encrypted. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html */
export const putBucketEncryption: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { ServerSideEncryptionConfiguration } = await readXml(request.body, PutBucketEncryptionDocument);
  const { SSEAlgorithm, KMSMasterKeyID } =
    ServerSideEncryptionConfiguration.Rule.ApplyServerSideEncryptionByDefault;
  state.buckets.setEncryption(request.bucket, { algorithm: SSEAlgorithm, kmsKey: KMSMasterKeyID });
  return { status: 200 };
};

const FilterRule = z.object({ Name: z.string().toLowerCase(), Value: z.string() });
const QueueConfiguration = z.object({
  Id: z.string().default(() => randomUUID()),
  Queue: z.string(),
  Event: z.preprocess(oneOrMany, z.array(z.string()).min(1)),
  Filter: z
    .object({ S3Key: z.object({ FilterRule: z.preprocess(oneOrMany, z.array(FilterRule)) }) })
    .optional(),
});
const Configuration = z.object({
  QueueConfiguration: z.preprocess(oneOrMany, z.array(QueueConfiguration)),
});
const PutBucketNotificationConfigurationDocument = z.object({
  NotificationConfiguration: z.preprocess((value) => (value === '' ? {} : value), Configuration),
});

/** Queues only; topics and functions are refused. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html */
export const putBucketNotificationConfiguration: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { NotificationConfiguration } = await readXml(
    request.body,
    PutBucketNotificationConfigurationDocument,
  );
  const rules = NotificationConfiguration.QueueConfiguration.map((configuration) => ({
    id: configuration.Id,
    queueArn: configuration.Queue,
    events: configuration.Event,
    prefix: filterValue(configuration, 'prefix'),
    suffix: filterValue(configuration, 'suffix'),
  }));
  setNotifications(state, request.bucket, rules);
  return { status: 200 };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html */
export const getBucketNotificationConfiguration: S3Action = (request, state) => {
  const { notifications } = state.buckets.get(request.bucket);
  const QueueConfiguration = notifications.map(({ id, queueArn, events, prefix, suffix }) => {
    const rules = Object.entries({ prefix, suffix }).filter(([, value]) => value !== '');
    const FilterRule = rules.map(([Name, Value]) => ({ Name, Value }));
    const filter = FilterRule.length > 0 ? { Filter: { S3Key: { FilterRule } } } : {};
    return { Id: id, Queue: queueArn, Event: events, ...filter };
  });
  return xmlAnswer('NotificationConfiguration', QueueConfiguration.length > 0 ? { QueueConfiguration } : {});
};

function filterValue(configuration: z.output<typeof QueueConfiguration>, name: string): string {
  return configuration.Filter?.S3Key.FilterRule.find((rule) => rule.Name === name)?.Value ?? '';
}
