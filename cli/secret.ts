import { statSync } from 'node:fs';
import { requireRunningStack, useLocalStack } from './local-aws.ts';
import { readText } from './read-text.ts';

/** Where the secret of an instance is, and which hosts it may name beyond ServiceNow's own. */
export type SecretSource = {
  /** @param fetchSecret reads a secret of Secrets Manager by its id */
  read(fetchSecret: (id: string) => Promise<string>): Promise<string>;
  readonly allowedHosts: readonly string[];
  /** Whether the instance is the emulated one of a local stack. */
  readonly isEmulated: boolean;
};

/** That of a local stack. */
const localSecretId = 'servicenow-functions/dev';

/**
 * A JSON file or an id in Secrets Manager; without either, the secret of the local stack that `--stack` names or that was started in the current folder.
 * @throws Error for a file that is not there, and without a running stack
 */
export function readSecretFrom(secret: string | undefined, stack: string | undefined): SecretSource {
  if (secret === undefined) {
    const running = requireRunningStack(stack);
    useLocalStack(running);
    return {
      read: (fetchSecret) => fetchSecret(localSecretId),
      allowedHosts: ['127.0.0.1'],
      isEmulated: !running.ownInstance,
    };
  }
  // A folder may have the same name as a secret.
  const isFile = statSync(secret, { throwIfNoEntry: false })?.isFile() === true;
  if (!isFile && looksLikeFile(secret)) throw new Error(`${secret}: no such file`);
  return {
    read: (fetchSecret) => (isFile ? readText(secret) : fetchSecret(secret)),
    allowedHosts: [],
    isEmulated: false,
  };
}

function looksLikeFile(secret: string): boolean {
  return secret.endsWith('.json') || /^\.{0,2}\//.test(secret) || secret.includes('\\');
}
