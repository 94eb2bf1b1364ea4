import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The text of a file, or of standard input for `-`, without a byte order mark.
 * @throws Error that names the file, also for bytes that are not UTF-8
 */
export async function readText(file: string): Promise<string> {
  const bytes = await (file === '-' ? buffer(process.stdin) : readFile(file)).catch((error: unknown) => {
    // That of a folder has no path.
    throw error instanceof Error ? Object.assign(error, { path: file }) : error;
  });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error(`${nameOf(file)}: is not text in UTF-8; save it in that encoding`, { cause });
  }
}

/** The JSON of a file, or what is given itself where it begins like an object. @throws Error that names the file when it is not */
export async function readJson(file: string): Promise<unknown> {
  const isGiven = file.trimStart().startsWith('{');
  const text = isGiven ? file : await readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const name = isGiven ? 'event' : nameOf(file);
    throw new Error(`${name}: is not JSON (${cause instanceof Error ? cause.message : cause})`, { cause });
  }
}

const nameOf = (file: string) => (file === '-' ? 'standard input' : file);
