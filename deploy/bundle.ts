import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type BuildOptions, context, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { bundledMappings } from './bundled-mappings.ts';
import { functions, type PackagedFunction } from './functions.ts';
import { lazyBuiltins } from './lazy-builtins.ts';
import { type BundledFile, emptyMap, joinStart } from './one-start-file.ts';
import { slimAwsSdk } from './slim-aws-sdk.ts';
import { slimUndici, slimUndiciDefine } from './slim-undici.ts';
import { ownSources } from './source-maps.ts';

/** The root of the project. */
export const projectRoot = resolve(import.meta.dirname, '..');

/** How every bundle is made; not where it comes from and goes to. */
export const bundleOptions = {
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  chunkNames: '[hash]',
  splitting: true,
  metafile: true,
  sourcemap: 'external',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [slimUndici, slimAwsSdk, lazyBuiltins, bundledMappings],
  define: slimUndiciDefine,
} as const satisfies BuildOptions;

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
  const bundler = await startBundler(distFolder);
  try {
    const bundles: [string, Metafile][] = [];
    let storing: Promise<unknown> = Promise.resolve();
    for (const one of functions) {
      // esbuild is at work on one function while the one before it is written.
      const [linked] = await Promise.all([bundler.link(one), storing]);
      storing = storeBundle(linked, distFolder, one.key).then((made) => bundles.push([one.key, made]));
    }
    await storing;
    const made: Bundles = Object.fromEntries(bundles);
    await writeFile(join(distFolder, 'bundles.json'), JSON.stringify(made));
  } finally {
    await bundler.stop();
  }
}

/** What esbuild made of one function. */
type Linked = { readonly metafile: Metafile; readonly outputFiles: readonly OutputFile[] };

type Bundler = {
  /** One call after another. */
  readonly link: (one: PackagedFunction) => Promise<Linked>;
  readonly stop: () => Promise<void>;
};

/**
 * Most of what is in one bundle is in all of them, and esbuild keeps what it has parsed only within one build: so there is one, whose
 * entry leads to one function after another.
 */
async function startBundler(distFolder: string): Promise<Bundler> {
  let file = '';
  const entry: Plugin = {
    name: 'function-entry',
    setup(build) {
      build.onResolve({ filter: /^function-entry$/ }, ({ path }) => ({ path, namespace: path }));
      build.onLoad({ filter: /.*/, namespace: 'function-entry' }, () => ({
        contents: `export * from ${JSON.stringify(`./${file}`)};`,
        resolveDir: projectRoot,
      }));
    },
  };
  const builder = await context({
    ...bundleOptions,
    plugins: [...bundleOptions.plugins, entry],
    absWorkingDir: projectRoot,
    entryPoints: { index: 'function-entry' },
    inject: [join(import.meta.dirname, 'stack-traces.ts')],
    outdir: outputFolder(distFolder),
    write: false,
  });
  return {
    link(one) {
      file = one.file;
      return builder.rebuild();
    },
    stop: () => builder.dispose(),
  };
}

/** Where esbuild believes to write; source maps are relative to it. */
const outputFolder = (distFolder: string) => join(distFolder, 'function');

/** Writes the files of a bundle and their source maps. @returns what it was made of */
async function storeBundle(
  { metafile, outputFiles }: Linked,
  distFolder: string,
  key: string,
): Promise<Metafile> {
  const outdir = outputFolder(distFolder);
  const joined = await joinStart({ metafile, files: filesByName(outputFiles) }, outdir);
  const used = usedOutputs(joined.metafile);
  const folder = join(distFolder, key);
  await mkdir(folder, { recursive: true });
  for (const name of Object.keys(used).map((output) => basename(output))) {
    const { code = '', map = emptyMap } = joined.files.get(name) ?? {};
    await writeFile(join(folder, name), code);
    await writeFile(join(folder, `${name}.map`), ownSources(map, outdir, projectRoot));
  }
  return { inputs: {}, outputs: used };
}

/** The files of a bundle, each with its source map. */
function filesByName(outputFiles: readonly OutputFile[]): ReadonlyMap<string, BundledFile> {
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const names = [...texts.keys()].filter((name) => !name.endsWith('.map'));
  return new Map(
    names.map((name) => [name, { code: texts.get(name) ?? '', map: texts.get(`${name}.map`) ?? emptyMap }]),
  );
}

/** esbuild writes a chunk for every lazy import that it saw, also where nothing is left that would make that import. */
function usedOutputs({ outputs }: Metafile): Metafile['outputs'] {
  const used = new Set(Object.keys(outputs).filter((output) => output.endsWith('/index.mjs')));
  for (const output of used)
    for (const { path, external } of outputs[output]?.imports ?? []) if (!external) used.add(path);
  return Object.fromEntries(Object.entries(outputs).filter(([output]) => used.has(output)));
}
