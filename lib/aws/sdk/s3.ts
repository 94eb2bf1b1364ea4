/** What the doctor uses of the SDK's client for S3. An `import()` of the package itself would bundle all of it. */
export {
  GetBucketEncryptionCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
