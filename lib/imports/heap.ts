import { setFlagsFromString } from 'node:v8';

/**
 * Lets the old generation grow to three times what lived through its last collection, before the next one. V8 is stingy
 * where a limit is given, as Lambda's runtime does: an import, which keeps little and throws away much, then spends a
 * third of its time collecting. Its process stays below 256 MB all the same.
 */
export function collectSeldom(): void {
  setFlagsFromString('--heap-growing-percent=200');
}
