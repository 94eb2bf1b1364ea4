import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { functions, type PackagedFunction } from './functions.ts';
import { slimUndici, slimUndiciDefine } from './slim-undici.ts';

/** CommonJS dependencies ask for `require`, which an ES module does not have. */
const requireForCommonJs = `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`;

const buildOptions = {
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

/** Where things are read and written; absolute paths. `bundled` defaults to every function there is. */
export type BundleOptions = {
  readonly root: string;
  readonly distFolder: string;
  readonly bundled?: readonly PackagedFunction[];
};

/**
 * Bundles functions, each by itself, into `<distFolder>/<key>/index.mjs`; lazily imported modules become chunks beside it.
 * @returns per key what its bundle was made of
 */
export async function bundleFunctions(options: BundleOptions): Promise<Map<string, Metafile>> {
  await rm(options.distFolder, { recursive: true, force: true });
  const bundles = (options.bundled ?? functions).map(
    async (one) => [one.key, await bundleFunction(one, options)] as const,
  );
  return new Map(await Promise.all(bundles));
}

async function bundleFunction(
  { key, file }: PackagedFunction,
  { root, distFolder }: BundleOptions,
): Promise<Metafile> {
  const { metafile } = await build({
    ...buildOptions,
    absWorkingDir: root,
    ...entryOf(join(root, file), file),
    outdir: join(distFolder, key),
  });
  return metafile;
}

/** Until every function has landed: one that is missing says so when it is called. */
function entryOf(path: string, file: string): Pick<BuildOptions, 'entryPoints' | 'entryNames' | 'stdin'> {
  if (existsSync(path)) return { entryPoints: { index: path } };
  const contents = `export const handler = () => { throw new Error(${JSON.stringify(`${file} does not exist yet`)}); };`;
  return { stdin: { contents, sourcefile: 'index.js' }, entryPoints: [], entryNames: 'index' };
}
