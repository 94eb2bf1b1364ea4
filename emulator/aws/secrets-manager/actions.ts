import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { jsonAction } from '../json-protocol.ts';
import type { Secret, SecretStore, SecretValue } from './secret-store.ts';

/**
 * Adds a version once: the same id with the same value again changes nothing.
 * @throws {AwsError} ResourceExistsException when that version holds another value.
 */
function putVersion(
  store: SecretStore,
  secret: Secret,
  version: { readonly id: string; readonly value: SecretValue; readonly stages: readonly string[] },
): void {
  const existing = store.version(secret, version.id);
  if (existing && !holds(existing, version.value)) {
    throw new AwsError(
      'ResourceExistsException',
      `A version with ClientRequestToken ${version.id} already exists with another value.`,
    );
  }
  if (!existing) store.addVersion(secret, version.id, version.value);
  for (const stage of version.stages) store.moveStage(secret, stage, version.id);
}

function holds(existing: { string: string | null; binary: string | null }, value: SecretValue): boolean {
  return existing.string === (value.string ?? null) && existing.binary === (value.binary ?? null);
}

const CreateSecretInput = z.object({
  Name: z.string().min(1).max(512),
  Description: z.string().optional(),
  ClientRequestToken: z.string().optional(),
  SecretString: z.string().max(65_536).optional(),
  SecretBinary: z.string().optional(),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html */
export const createSecret = jsonAction(CreateSecretInput, (input, store: SecretStore) =>
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

const DescribeSecretInput = z.object({ SecretId: z.string().min(1) });

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html */
export const describeSecret = jsonAction(DescribeSecretInput, (input, store: SecretStore) => {
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

const GetSecretValueInput = z.object({
  SecretId: z.string().min(1),
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
export const getSecretValue = jsonAction(GetSecretValueInput, (input, store: SecretStore) => {
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

function chooseVersion(
  secret: Secret,
  stages: Map<string, string>,
  input: z.output<typeof GetSecretValueInput>,
): string {
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

const PutSecretValueInput = z.object({
  SecretId: z.string().min(1),
  ClientRequestToken: z.string().optional(),
  SecretString: z.string().max(65_536).optional(),
  SecretBinary: z.string().optional(),
  VersionStages: z.array(z.string()).min(1).default(['AWSCURRENT']),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html */
export const putSecretValue = jsonAction(PutSecretValueInput, (input, store: SecretStore) =>
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

const UpdateSecretVersionStageInput = z.object({
  SecretId: z.string().min(1),
  VersionStage: z.string().min(1),
  MoveToVersionId: z.string().optional(),
  RemoveFromVersionId: z.string().optional(),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html */
export const updateSecretVersionStage = jsonAction(
  UpdateSecretVersionStageInput,
  (input, store: SecretStore) =>
    store.transaction(() => {
      const secret = store.get(input.SecretId);
      refuseWrongMove(store, secret, input);
      store.moveStage(secret, input.VersionStage, input.MoveToVersionId);
      return { ARN: secret.arn, Name: secret.name };
    }),
);

function refuseWrongMove(
  store: SecretStore,
  secret: Secret,
  input: z.output<typeof UpdateSecretVersionStageInput>,
): void {
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
