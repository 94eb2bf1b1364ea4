import { findRunningStack, type RunningStack } from './start/running-stack.ts';
import { typed } from './typed.ts';

/** The stack that this person runs here. @throws Error saying how to start one */
export function requireRunningStack(): RunningStack {
  const stack = findRunningStack(process.cwd());
  if (stack) return stack;
  throw new Error(`No local stack is running; start one with ${typed('start')}`);
}

/** Makes the AWS SDK of this process talk to a local stack, with credentials that mean nothing elsewhere. */
export function useLocalStack({ endpoints }: RunningStack): void {
  const { sqs, s3, lambda, secretsManager, dynamodb } = endpoints;
  Object.assign(process.env, {
    ...localCredentials,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
  });
}

/** The same for S3 alone, at an address that a person gave. */
export function useLocalS3(endpoint: string): void {
  Object.assign(process.env, { ...localCredentials, AWS_ENDPOINT_URL_S3: endpoint });
}

/** The local stack checks no signature, but the SDK needs something to sign with. */
const localCredentials = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_SESSION_TOKEN: '',
};
