import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError } from '../../lib/core/errors.ts';

/**
 * Keeps every other run off a data folder until it is released: two would read the same queues and take each other's secret.
 * SQLite holds the lock, so that it goes with a process that is killed.
 * @param patienceMs how long another run may take to let go; nothing else happens in this process meanwhile
 * @throws ConfigurationError when another run holds it
 */
export function claimFolder(folder: string, patienceMs = 0): { release(): void } {
  mkdirSync(folder, { recursive: true });
  const lock = new DatabaseSync(join(folder, 'in-use.db'), { timeout: patienceMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    const named = relative('', folder);
    throw new ConfigurationError('data-dir', `${named} is in use by another run; stop it or choose another`, {
      cause,
    });
  }
  return { release: () => lock.close() };
}
