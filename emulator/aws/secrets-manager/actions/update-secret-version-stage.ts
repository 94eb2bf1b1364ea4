import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import type { Secret, SecretStore } from '../secret-store.ts';

const Input = z.object({
  SecretId: z.string().min(1),
  VersionStage: z.string().min(1),
  MoveToVersionId: z.string().optional(),
  RemoveFromVersionId: z.string().optional(),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html */
export const updateSecretVersionStage = jsonAction(Input, (input, store: SecretStore) =>
  store.transaction(() => {
    const secret = store.get(input.SecretId);
    refuseWrongMove(store, secret, input);
    store.moveStage(secret, input.VersionStage, input.MoveToVersionId);
    return { ARN: secret.arn, Name: secret.name };
  }),
);

function refuseWrongMove(store: SecretStore, secret: Secret, input: z.output<typeof Input>): void {
  const { VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from } = input;
  const at = store.stages(secret).get(label);
  if (to !== undefined && !store.version(secret, to)) {
    throw new AwsError('ResourceNotFoundException', `Secrets Manager can't find version ${to}.`);
  }
  if (label === 'AWSCURRENT' && to === undefined) {
    throw new AwsError('InvalidParameterException', 'AWSCURRENT can be moved but not removed.');
  }
  if (at !== undefined && at !== to && at !== from) {
    throw new AwsError(
      'InvalidParameterException',
      `The staging label ${label} is on version ${at}; name it in RemoveFromVersionId.`,
    );
  }
}
