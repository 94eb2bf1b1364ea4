import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/** Reads a JSON event from a file, or from standard input for `-`. @throws Error when it is not JSON */
export async function readEvent(file: string): Promise<unknown> {
  const json = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Error(`${file}: is not JSON (${cause instanceof Error ? cause.message : cause})`, { cause });
  }
}
