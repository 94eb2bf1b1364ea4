import { rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { bundledMappings } from './bundled-mappings.ts';
import { functions, type PackagedFunction } from './functions.ts';
import { slimUndici, slimUndiciDefine } from './slim-undici.ts';
import { keepOwnSources } from './source-maps.ts';

/** The root of the project. */
export const projectRoot = resolve(import.meta.dirname, '..');

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
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [slimUndici, bundledMappings],
  define: slimUndiciDefine,
} as const satisfies BuildOptions;

/** esbuild shares nothing between bundles: all at once would keep the sources of each in memory, and work longer for it. */
const bundlesAtOnce = Math.max(2, availableParallelism());

/** What each bundle was made of, by function key. */
export type Bundles = Readonly<Record<string, Metafile>>;

/**
 * Bundles every function by itself into `dist/<key>/`: `index.mjs` and, for lazily imported modules, chunks, each with its source map.
 * `dist/bundles.json` is the `Bundles`.
 * @param serviceFolder where the packager looks for `dist/`
 */
export async function bundleFunctions(serviceFolder: string): Promise<void> {
  const distFolder = join(serviceFolder, 'dist');
  await rm(distFolder, { recursive: true, force: true });
  const bundles = new Map<string, Metafile>();
  const waiting = functions.values();
  const bundleNext = async () => {
    for (const one of waiting) bundles.set(one.key, await bundleFunction(one, distFolder));
  };
  await Promise.all(Array.from({ length: bundlesAtOnce }, bundleNext));
  const made: Bundles = Object.fromEntries(bundles);
  await writeFile(join(distFolder, 'bundles.json'), JSON.stringify(made));
}

async function bundleFunction({ key, file }: PackagedFunction, distFolder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...bundleOptions,
    absWorkingDir: projectRoot,
    entryPoints: { index: join(projectRoot, file) },
    outdir: join(distFolder, key),
  });
  const used = await withoutUnused(metafile);
  const maps = Object.keys(used.outputs).map((output) => join(projectRoot, `${output}.map`));
  await Promise.all(maps.map((map) => keepOwnSources(map, projectRoot)));
  return used;
}

/**
 * esbuild writes a chunk for every lazy import that it saw, also where nothing is left that would make that import.
 * @returns the outputs that are used, without their maps
 */
async function withoutUnused(metafile: Metafile): Promise<Metafile> {
  const isEntry = (output: string) => /\/index\.mjs$/.test(output);
  const used = new Set(Object.keys(metafile.outputs).filter(isEntry));
  for (const output of used)
    for (const { path, external } of metafile.outputs[output]?.imports ?? []) if (!external) used.add(path);
  const unused = Object.keys(metafile.outputs).filter((output) => !used.has(output.replace(/\.map$/, '')));
  await Promise.all(unused.map((output) => rm(join(projectRoot, output))));
  const outputs = Object.entries(metafile.outputs).filter(([output]) => used.has(output));
  return { inputs: {}, outputs: Object.fromEntries(outputs) };
}
