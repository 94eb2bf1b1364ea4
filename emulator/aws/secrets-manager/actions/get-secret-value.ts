import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import { jsonAction } from '../../json-protocol.ts';
import type { Secret, SecretStore } from '../secret-store.ts';

const Input = z.object({
  SecretId: z.string().min(1),
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
export const getSecretValue = jsonAction(Input, (input, store: SecretStore) => {
  const secret = store.get(input.SecretId);
  const stages = store.stages(secret);
  const id = chooseVersion(secret, stages, input);
  const version = store.version(secret, id);
  if (!version) throw notFound(`VersionId: ${id}`);
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: id,
    VersionStages: [...stages].filter(([, at]) => at === id).map(([label]) => label),
    CreatedDate: version.created_ms / 1000,
    ...(version.string === null ? {} : { SecretString: version.string }),
    ...(version.binary === null ? {} : { SecretBinary: version.binary }),
  };
});

function chooseVersion(secret: Secret, stages: Map<string, string>, input: z.output<typeof Input>): string {
  const label = input.VersionStage ?? (input.VersionId === undefined ? 'AWSCURRENT' : undefined);
  if (label === undefined) return input.VersionId ?? '';
  const id = stages.get(label);
  if (id === undefined) throw notFound(`staging label: ${label}`);
  if (input.VersionId !== undefined && input.VersionId !== id) {
    throw new AwsError(
      'InvalidRequestException',
      `The staging label ${label} of ${secret.name} is not on version ${input.VersionId}.`,
    );
  }
  return id;
}

function notFound(what: string): AwsError {
  return new AwsError(
    'ResourceNotFoundException',
    `Secrets Manager can't find the specified secret value for ${what}`,
  );
}
