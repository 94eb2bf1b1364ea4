import { createHash } from 'node:crypto';

/** 22 characters that identify a text without revealing it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
