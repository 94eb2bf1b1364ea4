import { basename, dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/** A file of a bundle and its source map. */
export type BundledFile = { readonly code: string; readonly map: string };

/** What esbuild made of one function: files by name, all in one folder, `index.mjs` among them. */
export type Bundle = { readonly metafile: Metafile; readonly files: ReadonlyMap<string, BundledFile> };

/** Of a file that has no sources. */
export const emptyMap = JSON.stringify({ version: 3, sources: [], names: [], mappings: '' });

/** How the files are joined. */
const joinOptions = {
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  metafile: true,
  write: false,
  // What was left is needed, although package.json says that our modules have no side effects.
  ignoreAnnotations: true,
  sourcemap: 'external',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Puts everything that a function loads at its start into its entry. esbuild makes a file of each set of modules that the entry shares
 * with what is loaded lazily, and Node takes a millisecond to find, read and link each. The shared files stay for the lazy ones, and
 * hand on what the entry exports.
 * @param folder where the files would lie; their maps name sources relative to it
 */
export async function joinStart({ metafile, files }: Bundle, folder: string): Promise<Bundle> {
  const entry = Object.keys(metafile.outputs).find((output) => basename(output) === 'index.mjs') ?? '';
  const shared = loadedAtStart(metafile, entry).filter((output) => output !== entry);
  const exported = new Map(
    shared.map((output, place) => [
      output,
      (metafile.outputs[output]?.exports ?? []).map((name) => ({ name, alias: `_${place}${name}` })),
    ]),
  );
  const lines = [...exported].map(([output, names]) => {
    const list = names.map(({ name, alias }) => `${name} as ${alias}`);
    return `export { ${list.join(', ')} } from './${basename(output)}';`;
  });
  const joined = await build({
    ...joinOptions,
    stdin: { contents: [`export * from './index.mjs';`, ...lines].join('\n'), resolveDir: folder },
    outfile: join(folder, 'index.mjs'),
    plugins: [inMemory(files, folder)],
  });
  const made = new Map(files);
  const [map, code] = joined.outputFiles.toSorted((a, b) => b.path.length - a.path.length);
  made.set('index.mjs', { code: code?.text ?? '', map: map?.text ?? emptyMap });
  for (const [output, names] of exported) {
    const list = names.map(({ name, alias }) => `${alias} as ${name}`);
    made.set(basename(output), { code: `export{${list.join(',')}}from"./index.mjs";\n`, map: emptyMap });
  }
  return { metafile: describeJoined(metafile, entry, shared, joined.metafile), files: made };
}

/** Gives esbuild the files with their maps, and leaves out what is loaded lazily. */
function inMemory(files: Bundle['files'], folder: string): Plugin {
  return {
    name: 'files-in-memory',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\// }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : { path: join(folder, path) },
      );
      onLoad({ filter: /\.mjs$/ }, ({ path }) => {
        const { code = '', map = emptyMap } = files.get(basename(path)) ?? {};
        const url = `data:application/json;base64,${Buffer.from(map).toString('base64')}`;
        return { contents: `${code}\n//# sourceMappingURL=${url}` };
      });
    },
  };
}

/** The entry and what it imports statically. */
function loadedAtStart({ outputs }: Metafile, entry: string): string[] {
  const loaded = new Set([entry]);
  for (const output of loaded)
    for (const { path, kind, external } of outputs[output]?.imports ?? [])
      if (kind === 'import-statement' && !external) loaded.add(path);
  return [...loaded];
}

/** The sources of the joined files are those of the entry now; a shared file only hands on. */
function describeJoined(before: Metafile, entry: string, shared: string[], joined: Metafile): Metafile {
  const [made] = Object.entries(joined.outputs).filter(([output]) => basename(output) === 'index.mjs');
  const inputs = Object.assign({}, ...[entry, ...shared].map((output) => before.outputs[output]?.inputs));
  const imports = (made?.[1].imports ?? []).map(({ path, kind, external }) => {
    const isInFolder = path.startsWith('./');
    return {
      path: isInFolder ? join(dirname(entry), path) : path,
      kind,
      ...(!isInFolder && external && { external }),
    };
  });
  const outputs = { ...before.outputs };
  outputs[entry] = { ...outputs[entry], bytes: made?.[1].bytes ?? 0, exports: ['handler'], inputs, imports };
  const toEntry = { path: entry, kind: 'import-statement' } as const;
  for (const output of shared) {
    const exports = outputs[output]?.exports ?? [];
    outputs[output] = { ...outputs[output], bytes: 0, exports, inputs: {}, imports: [toEntry] };
  }
  return { inputs: {}, outputs };
}
