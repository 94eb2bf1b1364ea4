import { type Clock, systemClock } from '../clock.ts';
import { IN_MEMORY } from '../database.ts';
import type { Permit } from '../iam/access-control.ts';
import { secretRights } from '../iam/required-rights.ts';
import { jsonProtocol } from '../json-protocol.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import {
  createSecret,
  describeSecret,
  getSecretValue,
  putSecretValue,
  updateSecretVersionStage,
} from './actions.ts';
import { SecretStore } from './secret-store.ts';

const ACTIONS = {
  CreateSecret: createSecret,
  DescribeSecret: describeSecret,
  GetSecretValue: getSecretValue,
  PutSecretValue: putSecretValue,
  UpdateSecretVersionStage: updateSecretVersionStage,
};

export type SecretsManagerOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** SQLite file that keeps the secrets. @default in memory */
  readonly databaseFile?: string;
  readonly clock?: Clock;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

/** The calls of AWS Secrets Manager that readers and rotators of a secret make, for the real SDK. Signatures are not checked. */
export async function startSecretsManager(options: SecretsManagerOptions = {}): Promise<LoopbackServer> {
  const state = new SecretStore(options.databaseFile ?? IN_MEMORY, options.clock ?? systemClock);
  const listener = jsonProtocol({
    contentType: 'application/x-amz-json-1.1',
    targetPrefix: 'secretsmanager.',
    actions: ACTIONS,
    state,
    rights: secretRights((id) => state.find(id)?.arn),
    permit: options.permit,
    validationCode: 'InvalidParameterException',
  });
  const server = await listenOnLoopback(listener, options.port, 'Secrets Manager');
  return { ...server, close: () => server.close().then(() => state.close()) };
}
