import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { functions, type PackagedFunction } from './functions.ts';
import { slimUndici, slimUndiciDefine } from './slim-undici.ts';

/** CommonJS dependencies ask for `require`, which an ES module does not have. */
const requireForCommonJs = `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`;

/** How every bundle is made; not where it comes from and goes to. */
export const bundleOptions = {
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunk-[hash]',
  banner: { js: requireForCommonJs },
  splitting: true,
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [slimUndici],
  define: slimUndiciDefine,
} as const satisfies BuildOptions;

/**
 * Bundles every function by itself into `<distFolder>/<key>/`: `index.mjs` and, for lazily imported modules, chunks. Both paths are absolute.
 * @returns per key what its bundle was made of
 */
export async function bundleFunctions(root: string, distFolder: string): Promise<Record<string, Metafile>> {
  await rm(distFolder, { recursive: true, force: true });
  const bundles = functions.map(
    async (one) => [one.key, await bundleFunction(one, root, distFolder)] as const,
  );
  return Object.fromEntries(await Promise.all(bundles));
}

async function bundleFunction(
  { key, file }: PackagedFunction,
  root: string,
  distFolder: string,
): Promise<Metafile> {
  const { metafile } = await build({
    ...bundleOptions,
    absWorkingDir: root,
    entryPoints: { index: join(root, file) },
    outdir: join(distFolder, key),
  });
  return metafile;
}
