import * as z from 'zod';
import { jsonAction } from '../../json-protocol.ts';
import type { SecretStore } from '../secret-store.ts';

const Input = z.object({ SecretId: z.string().min(1) });

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html */
export const describeSecret = jsonAction(Input, (input, store: SecretStore) => {
  const secret = store.get(input.SecretId);
  const versions: Record<string, string[]> = {};
  for (const [label, id] of store.stages(secret)) versions[id] = [...(versions[id] ?? []), label];
  return {
    ARN: secret.arn,
    Name: secret.name,
    ...(secret.description === null ? {} : { Description: secret.description }),
    CreatedDate: secret.created_ms / 1000,
    LastChangedDate: secret.changed_ms / 1000,
    VersionIdsToStages: versions,
  };
});
