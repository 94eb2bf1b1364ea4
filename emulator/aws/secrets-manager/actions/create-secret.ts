import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import type { SecretStore } from '../secret-store.ts';
import { putVersion } from './put-version.ts';

const Input = z.object({
  Name: z.string().min(1).max(512),
  Description: z.string().optional(),
  ClientRequestToken: z.string().optional(),
  SecretString: z.string().max(65_536).optional(),
  SecretBinary: z.string().optional(),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html */
export const createSecret = jsonAction(Input, (input, store: SecretStore) =>
  store.transaction(() => {
    if (store.find(input.Name)) {
      throw new AwsError(
        'ResourceExistsException',
        `The operation failed because the secret ${input.Name} already exists.`,
      );
    }
    const secret = store.add(input.Name, input.Description);
    const value = { string: input.SecretString, binary: input.SecretBinary };
    if (value.string === undefined && value.binary === undefined)
      return { ARN: secret.arn, Name: secret.name };
    const id = input.ClientRequestToken ?? randomUUID();
    putVersion(store, secret, { id, value, stages: ['AWSCURRENT'] });
    return { ARN: secret.arn, Name: secret.name, VersionId: id };
  }),
);
