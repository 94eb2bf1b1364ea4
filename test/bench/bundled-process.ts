import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';
import { bundleOptions } from '../../deploy/bundle.ts';

/** CommonJS dependencies ask for `require`, which an ES module does not have. */
const requireForCommonJs = `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`;

const bundled = new Map<string, string>();

/**
 * A file of the bench bundled as the functions are: reading a hundred source files would count as the memory and the time of its process.
 * @returns the path of the bundle
 */
export function bundleForProcess(file: string): string {
  const known = bundled.get(file);
  if (known !== undefined) return known;
  const outfile = join(mkdtempSync(join(tmpdir(), 'bench-')), `${basename(file, '.ts')}.mjs`);
  buildSync({
    entryPoints: [file],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    mainFields: [...bundleOptions.mainFields],
    outfile,
    banner: { js: requireForCommonJs },
    logLevel: 'error',
  });
  bundled.set(file, outfile);
  return outfile;
}
