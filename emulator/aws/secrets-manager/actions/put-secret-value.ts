import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import type { SecretStore } from '../secret-store.ts';
import { putVersion } from './put-version.ts';

const Input = z.object({
  SecretId: z.string().min(1),
  ClientRequestToken: z.string().optional(),
  SecretString: z.string().max(65_536).optional(),
  SecretBinary: z.string().optional(),
  VersionStages: z.array(z.string()).min(1).default(['AWSCURRENT']),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html */
export const putSecretValue = jsonAction(Input, (input, store: SecretStore) =>
  store.transaction(() => {
    if ((input.SecretString === undefined) === (input.SecretBinary === undefined)) {
      throw new AwsError('InvalidRequestException', 'Give either SecretString or SecretBinary.');
    }
    const secret = store.get(input.SecretId);
    const id = input.ClientRequestToken ?? randomUUID();
    const value = { string: input.SecretString, binary: input.SecretBinary };
    // The first version of a secret is current whatever was asked for, as at AWS.
    const first = store.stages(secret).get('AWSCURRENT') === undefined;
    const stages = first ? [...new Set(['AWSCURRENT', ...input.VersionStages])] : input.VersionStages;
    putVersion(store, secret, { id, value, stages });
    return { ARN: secret.arn, Name: secret.name, VersionId: id, VersionStages: stages };
  }),
);
