import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '../aws/make-folder.ts';

/** A data folder that another run uses, or that cannot be written to. */
export class FolderUnavailableError extends Error {
  override name = 'FolderUnavailableError' as const;
}

/** A database that nothing refers to is closed when memory is collected, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Keeps every other run off a data folder until it is released: two would read the same queues and take each other's secret.
 * SQLite holds the lock, so that it goes with a process that is killed.
 * @param waitMs how long another run may take to let go; nothing else happens in this process meanwhile
 * @throws FolderUnavailableError when another run holds it, or when it cannot be written to
 */
export function claimFolder(folder: string, waitMs = 0): { release(): void } {
  const lock = openLock(folder, waitMs);
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new FolderUnavailableError(
      isLocked(cause)
        ? `${named(folder)} is in use by another run; stop it or choose another folder`
        : unwritable(folder, cause),
      { cause },
    );
  }
  held.add(lock);
  return {
    release() {
      held.delete(lock);
      lock.close();
    },
  };
}

function openLock(folder: string, waitMs: number): DatabaseSync {
  try {
    // Queues and secrets are confidential.
    makeFolder(folder, 0o700);
    return new DatabaseSync(join(folder, 'in-use.db'), { timeout: waitMs });
  } catch (cause) {
    throw new FolderUnavailableError(unwritable(folder, cause), { cause });
  }
}

/** SQLITE_BUSY, which node:sqlite reports as a number. */
function isLocked(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}

function unwritable(folder: string, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `${named(folder)} cannot be written to (${reason}); choose another folder`;
}

function named(folder: string): string {
  return relative('', folder) || '.';
}
