import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { unzipSync } from 'fflate';

/** Unpacks a zip into an empty `folder`. @throws Error for an entry that would land outside of it */
export async function unzip(zipFile: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [name, bytes] of Object.entries(unzipSync(await readFile(zipFile)))) {
    const file = normalize(join(folder, name));
    if (!file.startsWith(normalize(folder) + sep))
      throw new Error(`${zipFile}: ${name} leads out of the folder`);
    await mkdir(dirname(file), { recursive: true });
    if (!name.endsWith('/')) await writeFile(file, bytes);
  }
}
