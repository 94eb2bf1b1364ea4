import { AwsError } from '../../aws-error.ts';
import type { Secret, SecretStore, SecretValue } from '../secret-store.ts';

/**
 * Adds a version once: the same id with the same value again changes nothing.
 * @throws {AwsError} ResourceExistsException when that version holds another value.
 */
export function putVersion(
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
