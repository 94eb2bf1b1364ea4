import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import type { InstanceView } from './instance-view.ts';

/** What every part of the story works with. */
export type Scene = {
  readonly endpoints: Endpoints;
  readonly instance: InstanceView;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  /** Where files are left for a person to look at when all is over. */
  readonly keepFolder: string;
  /** Prints one line. */
  say(line: string): void;
};
