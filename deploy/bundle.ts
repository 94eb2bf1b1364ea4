import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type BuildOptions, context, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { bundledMappings } from './bundled-mappings.ts';
import { functions, type PackagedFunction } from './functions.ts';
import { slimUndici, slimUndiciDefine } from './slim-undici.ts';
import { ownSources } from './source-maps.ts';

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
    for (const one of functions) bundles.push([one.key, await bundler.bundle(one)]);
    const made: Bundles = Object.fromEntries(bundles);
    await writeFile(join(distFolder, 'bundles.json'), JSON.stringify(made));
  } finally {
    await bundler.stop();
  }
}

type Bundler = {
  /** One call after another. @returns what the bundle was made of */
  readonly bundle: (one: PackagedFunction) => Promise<Metafile>;
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
  const outdir = join(distFolder, 'function');
  const builder = await context({
    ...bundleOptions,
    plugins: [...bundleOptions.plugins, entry],
    absWorkingDir: projectRoot,
    entryPoints: { index: 'function-entry' },
    outdir,
    write: false,
  });
  return {
    async bundle(one) {
      file = one.file;
      const { metafile, outputFiles } = await builder.rebuild();
      const used = usedOutputs(metafile);
      const isUsed = ({ path }: OutputFile) =>
        Object.hasOwn(used, relative(projectRoot, path.replace(/\.map$/, '')).replaceAll('\\', '/'));
      const folder = join(distFolder, one.key);
      await mkdir(folder, { recursive: true });
      await Promise.all(outputFiles.filter(isUsed).map((output) => writeOutput(output, folder)));
      return { inputs: {}, outputs: used };
    },
    stop: () => builder.dispose(),
  };
}

async function writeOutput({ path, contents, text }: OutputFile, folder: string): Promise<void> {
  const isMap = path.endsWith('.map');
  await writeFile(
    join(folder, basename(path)),
    isMap ? ownSources(text, dirname(path), projectRoot) : contents,
  );
}

/** esbuild writes a chunk for every lazy import that it saw, also where nothing is left that would make that import. */
function usedOutputs({ outputs }: Metafile): Metafile['outputs'] {
  const used = new Set(Object.keys(outputs).filter((output) => output.endsWith('/index.mjs')));
  for (const output of used)
    for (const { path, external } of outputs[output]?.imports ?? []) if (!external) used.add(path);
  return Object.fromEntries(Object.entries(outputs).filter(([output]) => used.has(output)));
}
